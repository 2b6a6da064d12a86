// What the examples share: a folder for each, gone afterwards, and a way to say what happens.
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Works in a new folder. Folders of a store are read-only: they are opened up before they are removed. */
export async function inWorkplace(work: (cwd: string) => Promise<void>): Promise<void> {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-example-")));
  try {
    await work(cwd);
  } finally {
    spawnSync("chmod", ["-R", "u+rwX", cwd]);
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** The environment, with the Node.js that runs this found first. */
export function environment(): Record<string, string | undefined> {
  const { PATH = "" } = process.env;
  return { ...process.env, PATH: `${dirname(process.execPath)}:${PATH}` };
}

/** An example checks what it says. */
export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`✓ ${what}`);
}
