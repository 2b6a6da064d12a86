// Progress of the real program on a terminal of its own.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram } from "@ctxpack/test-tools";
import { describe, expect, test } from "vitest";
import { bin, cleanUp, finish, scratch } from "./run.ts";

cleanUp();

/** What the terminal got from a command that takes a second. */
async function seen(args: string, env: Readonly<Record<string, string>>): Promise<string> {
  const cwd = scratch();
  for (const dir of ["docs", "out"]) mkdirSync(join(cwd, dir));
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(cwd, "docs", name), name);
  writeFileSync(join(cwd, "out/large"), randomBytes(64 << 20));
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  const { PATH = "" } = process.env;
  const child = spawn("script", ["-qec", `'${process.execPath}' '${bin}' ${args}`, "/dev/null"], {
    cwd,
    env: { PATH, HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store"), ...env },
  });
  const { code, stdout } = await finish(child);
  expect(code, stdout).toBe(0);
  return stdout;
}

const SEED = "seed out --contract c.json";
const MAP = `map --in 'docs/*' --out 'text/{path}' -j 1 -- sh -c 'sleep 0.2; cp "$0" "$1"' {in} {out}`;

describe.skipIf(missingProgram("script"))("on a terminal", () => {
  test.each([SEED, MAP])("lines are drawn: %s", async (args) => {
    expect(await seen(args, { TERM: "xterm" })).toContain("\x1b[K");
  });

  test.each([
    [SEED, { TERM: "xterm", CI: "true" }],
    [MAP, { TERM: "xterm", CI: "true" }],
    [SEED, { TERM: "dumb" }],
    [MAP, { TERM: "dumb" }],
  ])("they are not: %s with %j", async (args, env) => {
    const text = await seen(args, env);
    expect(text).not.toContain("\x1b");
    expect(text).not.toMatch(/\r(?!\n)/);
  });
});
