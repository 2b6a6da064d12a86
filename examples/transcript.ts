// The transcripts of our documents: every command of their ```console blocks, and every line that it prints.
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import * as consumers from "node:stream/consumers";

const root = join(import.meta.dirname, "..");

/** A command, with the lines of its here-document, and what the document says it prints. */
export interface Step {
  readonly command: string;
  readonly printed: string;
}

/** The steps of all ```console blocks; a line that does not begin with `$ ` is output, or a here-document. */
export function transcript(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(
    (match) => match[1] ?? "",
  );
  return blocks
    .join("")
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const ends = /<<'?(\w+)'?/.exec(text);
      const last = ends
        ? text.indexOf(`\n${ends[1]}\n`) + `\n${ends[1]}`.length
        : text.indexOf("\n");
      return { command: text.slice(0, last), printed: text.slice(last + 1).trimEnd() };
    });
}

/** The part of a document under a heading of the second level. */
export function section(markdown: string, heading: string): string {
  const part = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (part === undefined) throw new Error(`no heading: ${heading}`);
  return part;
}

/**
 * What the steps print, stdout and stderr together, in one shell and an empty folder, or a copy of `files` (a folder of an
 * example, with the packages that examples may import). Of the machine's variables they see `PATH` and those in `env`.
 */
export async function runTranscript(
  steps: readonly Step[],
  files?: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string[]> {
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
    if (files !== undefined) {
      // Without what a reader has made there.
      const made = readFileSync(join(files, ".gitignore"), "utf8").split("\n");
      const filter = (path: string) => !made.includes(`/${relative(files, path)}`);
      cpSync(files, join(cwd, "work"), { recursive: true, filter });
      symlinkSync(join(root, "examples/node_modules"), join(cwd, "node_modules"));
    }
    // One shell for all, so that `export` lasts; a line between the steps tells their outputs apart.
    const script = steps.map((step) => `${step.command}\necho '=== end'`).join("\n");
    const shell = spawn("sh", ["-c", `exec 2>&1\n${script}`], {
      cwd: join(cwd, "work"),
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...env,
        PATH: `${join(cwd, "bin")}:${dirname(process.execPath)}:${process.env["PATH"]}`,
        HOME: cwd,
        LANG: "C.UTF-8",
        LC_ALL: "C",
      },
    });
    const printed = await consumers.text(shell.stdout);
    return printed
      .split("=== end\n")
      .map((text) =>
        text.replaceAll(join(cwd, "work"), "/home/me/work").replaceAll(cwd, "/home/me"),
      );
  } finally {
    spawnSync("chmod", ["-R", "u+rwX", cwd]);
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** What differs from run to run and from day to day: times and what is said meanwhile, dates, keys and what they sign. */
export function comparable(text: string): string {
  return text
    .replace(/^(?:hashing|mapping|storing) .*\n/gm, "")
    .replace(/\b(?:\d+ min )?\d+(?:\.\d\d)? s\b/g, "… s")
    .replace(/\b\d{4}-\d\d-\d\d(?:T[0-9:.]+Z)?\b/g, "<date>")
    .replace(/\bSHA256:[A-Za-z0-9+/]{43}/g, "<fingerprint>")
    .replace(/\b\d{8}T\d{6}Z-[0-9a-f]{8}\b/g, "<moved>")
    .replace(/\bthe proof sha256:[0-9a-f]{12}/g, "the proof <digest>")
    .trimEnd();
}
