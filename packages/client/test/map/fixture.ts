import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CtxPack, type MapOptions, type MapResult, type OpenOptions } from "@ctxpack/client";
import { scratchFolder } from "@ctxpack/test-tools";
import { onTestFinished } from "vitest";

export function workplace(files: Readonly<Record<string, string>> = {}): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  for (const [path, content] of Object.entries(files)) put(folder.path, path, content);
  return folder.path;
}

export function put(cwd: string, path: string, content: string): void {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), content);
}

export async function open(cwd: string, more: OpenOptions = {}): Promise<CtxPack> {
  const env = { HOME: cwd, PATH: process.env["PATH"], ...more.env };
  const ctx = await CtxPack.open({ cwd, cacheDir: "store", ...more, env });
  onTestFinished(() => ctx[Symbol.asyncDispose]());
  return ctx;
}

/** Notes in `runs` that it ran, and makes upper case of its input. */
export const UPPER: MapOptions = {
  out: "out/{path}.up",
  command: ["sh", "-c", 'echo x >> runs; tr a-z A-Z < "$0" > "$1"', "{in}", "{out}"],
};

/** How often the command ran since this was asked last. */
export function runsOf(cwd: string): number {
  const file = join(cwd, "runs");
  if (!existsSync(file)) return 0;
  const count = readFileSync(file, "utf8").split("\n").length - 1;
  writeFileSync(file, "");
  return count;
}

/** Every file below a folder, with its content. */
export function look(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(dir, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, name), "utf8")]));
}

/** `total hit done failed`. */
export function counts({ counts: { total, hit, done, failed } }: MapResult): number[] {
  return [total, hit, done, failed];
}
