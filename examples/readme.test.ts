// The README's transcripts, run as they stand: every command, and every line it prints.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** A command, with the lines of its here-document, and what the README says it prints. */
interface Step {
  readonly command: string;
  readonly printed: string;
}

/** The steps of all ```console blocks; a line that does not begin with `$ ` is output, or a here-document. */
function transcript(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(
    (match) => match[1] ?? "",
  );
  return blocks
    .join("")
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const ends = /<<'(\w+)'/.exec(text);
      const last = ends
        ? text.indexOf(`\n${ends[1]}\n`) + `\n${ends[1]}`.length
        : text.indexOf("\n");
      return { command: text.slice(0, last), printed: text.slice(last + 1).trimEnd() };
    });
}

/** Times differ from run to run; nothing else does. */
function timeless(text: string): string {
  return text.replace(/\b\d+\.\d\d s\b/g, "… s").trimEnd();
}

test("README.md: the transcript runs and prints what it says", () => {
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    mkdirSync(join(cwd, "bin"));
    const program = join(root, "packages/cli/bin/ctxpack.cjs");
    writeFileSync(
      join(cwd, "bin/ctxpack"),
      `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
      { mode: 0o755 },
    );
    mkdirSync(join(cwd, "work"));
    const steps = transcript(readFileSync(join(root, "README.md"), "utf8"));
    expect(steps.length).toBeGreaterThan(8);
    // One shell for all, so that `export` lasts; a line between the steps tells their outputs apart.
    const script = steps.map((step) => `${step.command}\necho '=== end'`).join("\n");
    const shell = spawnSync("sh", ["-c", `exec 2>&1\n${script}`], {
      cwd: join(cwd, "work"),
      encoding: "utf8",
      env: {
        PATH: `${join(cwd, "bin")}:${process.env["PATH"]}`,
        HOME: cwd,
        LANG: "C.UTF-8",
        LC_ALL: "C",
      },
    });
    const printed = shell.stdout.split("=== end\n");
    for (const [index, step] of steps.entries()) {
      expect(timeless(printed[index] ?? ""), step.command).toBe(timeless(step.printed));
    }
  } finally {
    spawnSync("chmod", ["-R", "u+rwX", cwd]);
    rmSync(cwd, { recursive: true, force: true });
  }
});
