import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch } from "../run.ts";

/** A folder with two inputs and a contract whose command is `script`; `out` is its output unless said. */
export function project(script: string, more: Record<string, unknown> = {}): string {
  const cwd = scratch();
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a"), "a\n");
  writeFileSync(join(cwd, "docs/b"), "b\n");
  writeContract(cwd, script, more);
  return cwd;
}

export function writeContract(
  cwd: string,
  script: string,
  more: Record<string, unknown> = {},
): void {
  const contract = {
    inputs: [{ name: "docs", path: "docs" }],
    command: ["sh", "-c", script],
    transforms: [{ tool: "sh" }],
    outputs: [{ path: "out" }],
    ...more,
  };
  writeFileSync(join(cwd, "c.json"), JSON.stringify(contract));
}

/** A script that notes that it ran, and makes `out/all` of the inputs. */
export const JOIN = "echo x >> runs; mkdir out && cat docs/* > out/all";

/** How often the command ran. */
export function runsOf(cwd: string): number {
  const file = join(cwd, "runs");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
}

/**
 * Whether a claim names the group of a command. The command may be there before that is written down, without which nobody
 * could end what a kill leaves of it.
 */
export function isClaimed(cwd: string, pid: string | number): boolean {
  const claims = join(cwd, "store/claims");
  const named = new RegExp(`"pid":${pid}\\b`);
  return readdirSync(claims).some((name) => named.test(readFileSync(join(claims, name), "utf8")));
}

/** Waits until something is so. */
export async function until(holds: () => boolean, ms = 30_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
