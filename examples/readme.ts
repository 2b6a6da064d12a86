// The README of an example: its ```console blocks are run in a copy of its folder, and print what it says. What comes after
// the heading "In full" takes longer or needs a network: it is run where CTXPACK_EXAMPLES_FULL=1.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import * as consumers from "node:stream/consumers";
import { removeReadOnly } from "@ctxpack/test-tools";
import { expect } from "vitest";
import { parseDocument } from "./markdown/document.ts";
import { comparable, type Step, transcript } from "./markdown/transcript.ts";

const root = join(import.meta.dirname, "..");

export const isFull: boolean = process.env["CTXPACK_EXAMPLES_FULL"] === "1";

/** All that comes before the heading "In full"; that part; or another part, by its heading of the second level. */
export type ReadmePart = "tiny" | "full" | { readonly heading: string };

interface ReadmeOptions {
  /** What of an output is compared; all but times, dates and keys unless said. */
  readonly masked?: (text: string) => string;
  /** Commands that come after those of the README. */
  readonly more?: readonly string[];
  /** What a server is called in the README, and where it is. */
  readonly server?: readonly [string, string];
}

/** Runs one part and compares every line; returns what each command printed. */
export async function expectReadme(
  example: string,
  part: ReadmePart,
  { masked = comparable, more = [], server }: ReadmeOptions = {},
): Promise<string[]> {
  const steps = stepsOf(partOf(readFileSync(join(example, "README.md"), "utf8"), part));
  expect(steps.length, `commands in ${example}/README.md`).toBeGreaterThan(2);
  const put = (text: string) => (server ? text.replaceAll(...server) : text);
  const all = [...steps.map(({ command }) => put(command)), ...more];
  const printed = await runAll(all, example, part === "full" ? network() : {});
  // Of a shell that ended early the last commands would seem to print nothing.
  expect(printed.length - 1, `commands that were run of ${example}/README.md`).toBe(all.length);
  if (process.env["CTXPACK_EXAMPLES_WRITE"] === "1") rewrite(example, steps, printed, masked);
  for (const [index, step] of steps.entries()) {
    expect(masked(printed[index] ?? ""), step.command).toBe(masked(put(step.printed)));
  }
  return printed;
}

/** Puts what commands print now into the README, where that is something else. It still fails: look at the difference. */
function rewrite(
  example: string,
  steps: readonly Step[],
  printed: readonly string[],
  masked: (text: string) => string,
): void {
  const file = join(example, "README.md");
  let text = readFileSync(file, "utf8");
  let at = 0;
  for (const [index, { command, printed: said }] of steps.entries()) {
    const now = (printed[index] ?? "").trimEnd();
    at = text.indexOf(`$ ${command}\n`, at) + command.length + 3;
    if (masked(now) === masked(said)) continue;
    const rest = text.slice(said === "" ? at : at + said.length + 1);
    text = `${text.slice(0, at)}${now === "" ? "" : `${now}\n`}${rest}`;
  }
  writeFileSync(file, text);
}

function partOf(markdown: string, part: ReadmePart): string {
  const [tiny = "", full = ""] = markdown.split(/^## In full$/m);
  if (part === "tiny") return tiny;
  if (part === "full") return full;
  const found = markdown.split(/^## /m).find((text) => text.startsWith(`${part.heading}\n`));
  if (found === undefined) throw new Error(`no heading: ${part.heading}`);
  return found;
}

function stepsOf(markdown: string): Step[] {
  return parseDocument("README.md", markdown)
    .blocks.filter(({ language }) => language === "console")
    .flatMap(({ code }) => transcript(code));
}

/**
 * What commands print, stdout and stderr together, in one shell and a copy of the example's folder, with the packages that
 * examples may import. Of the machine's variables they see `PATH` and those in `env`.
 */
async function runAll(
  commands: readonly string[],
  example: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  const work = join(home, "work");
  try {
    mkdirSync(join(home, "bin"));
    const program = join(root, "packages/cli/bin/ctxpack.cjs");
    const line = `exec "${process.execPath}" "${program}" "$@"`;
    writeFileSync(join(home, "bin/ctxpack"), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    // Without what a reader has made there.
    const made = readFileSync(join(example, ".gitignore"), "utf8").split("\n");
    const filter = (path: string) => !made.includes(`/${relative(example, path)}`);
    cpSync(example, work, { recursive: true, filter });
    symlinkSync(join(root, "examples/node_modules"), join(home, "node_modules"));
    // One shell for all, so that `export` lasts; a line between the commands tells their outputs apart.
    const script = commands.map((command) => `${command}\necho '=== end'`).join("\n");
    const shell = spawn("sh", ["-c", `exec 2>&1\n${script}`], {
      cwd: work,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...env,
        PATH: `${join(home, "bin")}:${dirname(process.execPath)}:${process.env["PATH"]}`,
        HOME: home,
        LANG: "C.UTF-8",
        LC_ALL: "C",
      },
    });
    const printed = await consumers.text(shell.stdout);
    return printed
      .split("=== end\n")
      .map((text) => text.replaceAll(work, "/home/me/work").replaceAll(home, "/home/me"));
  } finally {
    removeReadOnly(home);
  }
}

/** The machine's variables that say how its network is reached. */
function network(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /_proxy$|_CA_CERTS$|^SSL_CERT_/i.test(name)),
  );
}
