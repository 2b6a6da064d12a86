import { isAscii } from "node:buffer";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

const nameOf = (path: string): string => path.replace(/^.*\/|-[0-9a-f]+$/g, "");

const inodes = (files: readonly string[]): number[] => files.map((file) => statSync(file).ino);

test("a command's code is kept once, and used by the next", async () => {
  const { call, kept } = cache();
  const first = await call(["ls"]);
  expect(first).toMatchObject({ code: 0 });
  const files = kept();
  expect(files.map(nameOf)).toContain("ctxpack-ctxpack-ls-ctxpack.cjs");
  expect(files.map(nameOf)).toContain("ctxpack-ctxpack-ls-list.cjs");
  const before = inodes(files);
  expect(await call(["ls"])).toEqual(first);
  // What V8 refuses is made again.
  expect(inodes(kept())).toEqual(before);
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  await call(["cache", "path"]);
  await call(["ls", "--help"]);
  expect(inodes(files)).toEqual(before);
  expect(kept().map(nameOf)).toContain("ctxpack-ctxpack-cache-ctxpack.cjs");
});

test("damaged code is not run, and made again", async () => {
  const { call, kept } = cache();
  const { stdout, stderr } = await call(["ls"]);
  const [program = ""] = kept();
  const whole = readFileSync(program);
  for (const at of [0, 100, 128, 200, 5000, 60_000, whole.length - 1, -1]) {
    const bytes = Buffer.from(at < 0 ? whole.subarray(0, 1000) : whole);
    if (at >= 0) for (let i = at; i < at + 64 && i < bytes.length; i++) bytes[i] = ~(bytes[i] ?? 0);
    writeFileSync(program, bytes);
    const { ino } = statSync(program);
    expect(await call(["ls"])).toMatchObject({ code: 0, stdout, stderr });
    expect(statSync(program).ino, `damaged at ${at}`).not.toBe(ino);
  }
});

test("code of a program that was changed since is not run", async () => {
  const place = scratch();
  for (const name of ["bin", "dist"]) {
    cpSync(join(import.meta.dirname, "..", name), join(place, name), { recursive: true });
  }
  symlinkSync(join(import.meta.dirname, "../node_modules"), join(place, "node_modules"));
  const call = () =>
    spawnSync(process.execPath, [join(place, "bin/ctxpack.cjs"), "ls"], {
      encoding: "utf8",
      env: { HOME: place },
    });
  expect(call().stderr).toContain(" is empty");
  expect(call().stderr).toContain(" is empty");
  expect(readdirSync(join(place, ".cache/ctxpack-code"))).toHaveLength(1);
  const program = join(place, "dist/ctxpack.cjs");
  // As long as it was.
  writeFileSync(program, readFileSync(program, "utf8").replaceAll(" is empty", " is EMPTY"));
  expect(call().stderr).toContain(" is EMPTY");
});

test.skipIf(process.platform === "win32")("what others can write is not run", async () => {
  const { call, kept } = cache();
  const { stdout } = await call(["ls"]);
  const [program = ""] = kept();
  chmodSync(program, 0o666);
  const { ino } = statSync(program);
  expect(await call(["ls"])).toMatchObject({ code: 0, stdout });
  expect(statSync(program)).toMatchObject({ mode: 0o100600 });
  expect(statSync(program).ino).not.toBe(ino);
  rmSync(program);
  spawnSync("mkfifo", [program]);
  expect(await call(["ls"])).toMatchObject({ code: 0, stdout });
  const cwd = scratch();
  mkdirSync(join(cwd, ".cache/ctxpack-code"), { recursive: true });
  chmodSync(join(cwd, ".cache/ctxpack-code"), 0o777);
  expect(await run(["ls"], { cwd, env: { NODE_COMPILE_CACHE: "" } })).toMatchObject({ code: 0 });
  expect(readdirSync(join(cwd, ".cache/ctxpack-code"))).toEqual([]);
});

test("bundles are ASCII, of which V8 makes no copy twice as long: a regular expression escapes the rest", () => {
  const dist = join(import.meta.dirname, "../dist");
  const bundles = readdirSync(dist).filter((name) => name.endsWith(".cjs"));
  expect(bundles).toContain("library.cjs");
  expect(bundles.filter((name) => !isAscii(readFileSync(join(dist, name))))).toEqual([]);
});

test("no home is made for who has none", async () => {
  const cwd = scratch();
  const env = { NODE_COMPILE_CACHE: "", HOME: join(cwd, "none") };
  expect(await run(["ls"], { cwd, env })).toMatchObject({ code: 0 });
  expect(readdirSync(cwd)).not.toContain("none");
});

test("nothing is kept of a command that failed, and none where Node is told to keep none", async () => {
  const { call, kept } = cache();
  expect(await call(["rm", "123456"])).toMatchObject({ code: 3 });
  expect(kept()).toEqual([]);
  expect(await call(["ls"], { NODE_DISABLE_COMPILE_CACHE: "1" })).toMatchObject({ code: 0 });
  expect(kept()).toEqual([]);
  const cwd = scratch();
  const env = { NODE_COMPILE_CACHE: "", NODE_DISABLE_COMPILE_CACHE: "1" };
  expect(await run(["ls"], { cwd, env })).toMatchObject({ code: 0 });
  expect(readdirSync(cwd)).not.toContain(".cache");
});
