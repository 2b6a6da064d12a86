import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, run, scratch } from "./run.ts";

cleanUp();

/** A folder for compiled code, and `ctxpack ARGS` that uses it. */
function cache() {
  const cwd = scratch();
  const folder = join(cwd, "code");
  const call = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    await run(args, { cwd, env: { NODE_COMPILE_CACHE: folder, ...env } });
  /** The files with code of ours, by path. */
  const kept = (): string[] =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.includes("ctxpack-"))
      .sort()
      .map((path) => join(folder, path));
  return { call, kept };
}

const nameOf = (path: string): string => path.replace(/^.*\/|-[0-9a-f]{32}$/g, "");

test("a command's code is kept once, and used by the next", async () => {
  const { call, kept } = cache();
  const first = await call(["ls"]);
  expect(first).toMatchObject({ code: 0 });
  const files = kept();
  expect(files.map(nameOf)).toContain("ctxpack-ctxpack-ls-ctxpack.cjs");
  expect(files.map(nameOf)).toContain("ctxpack-ctxpack-ls-list.cjs");
  const times = files.map((file) => statSync(file).mtimeMs);
  expect(await call(["ls"])).toEqual(first);
  // V8 would have refused what is not its own, and it would have been made again.
  expect(kept().map((file) => statSync(file).mtimeMs)).toEqual(times);
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("each command has its own, and what another build left goes", async () => {
  const { call, kept } = cache();
  await call(["ls"]);
  const [program = ""] = kept();
  const other = program.replace(/[0-9a-f]{32}$/, "0".repeat(32));
  writeFileSync(other, readFileSync(program));
  await call(["cache", "path"]);
  expect(kept().map(nameOf)).toContain("ctxpack-ctxpack-cache-ctxpack.cjs");
  expect(kept()).toContain(other);
  // Made again, for it is not what V8 wrote.
  writeFileSync(program, "nothing that V8 wrote");
  expect(await call(["ls"])).toMatchObject({ code: 0 });
  expect(kept()).not.toContain(other);
  expect(statSync(program).size).toBeGreaterThan(10_000);
});

test("what others can write is not run", async () => {
  const { call, kept } = cache();
  const { stdout } = await call(["ls"]);
  const [program = ""] = kept();
  // Whoever could write there could have had V8 run anything.
  chmodSync(program, 0o666);
  const { ino } = statSync(program);
  expect(await call(["ls"])).toMatchObject({ code: 0, stdout });
  expect(statSync(program)).toMatchObject({ mode: 0o100600 });
  expect(statSync(program).ino).not.toBe(ino);
});

test("nothing is kept of a command that failed, and none where Node is told to keep none", async () => {
  const { call, kept } = cache();
  expect(await call(["rm", "123456"])).toMatchObject({ code: 3 });
  expect(kept()).toEqual([]);
  expect(await call(["ls"], { NODE_DISABLE_COMPILE_CACHE: "1" })).toMatchObject({ code: 0 });
  expect(kept()).toEqual([]);
});
