import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a program lies on PATH, if it does. */
export function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** A program itself: the one on PATH may be a script of pyenv, whose start would be measured. */
export function ownProgram(name: string): string {
  const found = findProgram(name) ?? name;
  if (basename(dirname(found)) !== "shims") return found;
  const { status, stdout } = spawnSync("pyenv", ["which", name], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : found;
}

/** `node` with the flags this process was started with, so that children resolve packages alike. */
export function nodeCommand(): readonly string[] {
  return [process.execPath, ...process.execArgv];
}

/** The command line of the `ctxpack` of this workspace. */
export function ctxpackCommand(): readonly string[] {
  const manifest = import.meta.resolve("@ctxpack/cli/package.json");
  return [...nodeCommand(), fileURLToPath(new URL("bin/ctxpack.cjs", manifest))];
}

/** Runs `ctxpack` outside the clock and gives its stdout. Throws an Error with its stderr. */
export function ctxpack(args: readonly string[], store: string): string {
  const [node = "", ...rest] = ctxpackCommand();
  const { status, stdout, stderr, error } = spawnSync(node, [...rest, ...args], {
    encoding: "utf8",
    env: { ...process.env, CTXPACK_CACHE_DIR: store },
    // A list of 100,000 packs is long.
    maxBuffer: 2 ** 28,
  });
  if (error || status !== 0) {
    throw new Error(`ctxpack ${args.join(" ")}: exit ${status}\n${error ?? stderr}`);
  }
  return stdout.trim();
}

/** A shell pipeline as one command; the first failing part fails it. */
export function shell(script: string): readonly string[] {
  return ["bash", "-c", `set -euo pipefail; ${script}`];
}

/** Runs a shell script outside the clock and gives its stdout. Throws an Error with its stderr. */
export function runScript(script: string): string {
  const [bash = "", ...args] = shell(script);
  return runProgram(bash, args);
}

/** Runs a program outside the clock and gives its stdout. Throws an Error with its stderr. */
export function runProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error || status !== 0) {
    throw new Error(`${file} ${args.join(" ")}: exit ${status}\n${error ?? stderr}`);
  }
  return stdout;
}

/** Quotes a path for `shell`. */
export function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
