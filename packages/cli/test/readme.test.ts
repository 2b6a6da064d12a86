// The first example of the README is run as it stands.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, scratch } from "./run.ts";

cleanUp();

/** Runs the n-th example as it stands, in a folder of its own. */
function example(n: number) {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const text = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)][n]?.[1] as string;
  const cwd = scratch();
  mkdirSync(join(cwd, "bin"));
  const bin = join(import.meta.dirname, "../bin/ctxpack.cjs");
  const wrapper = `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`;
  writeFileSync(join(cwd, "bin/ctxpack"), wrapper);
  chmodSync(join(cwd, "bin/ctxpack"), 0o755);
  const { PATH = "", NODE_OPTIONS = "" } = process.env;
  const done = spawnSync("sh", ["-e", "-c", text], {
    cwd,
    encoding: "utf8",
    env: { HOME: cwd, NODE_OPTIONS, PATH: `${join(cwd, "bin")}:${PATH}` },
  });
  return { cwd, ...done };
}

test("the first example of the README runs", () => {
  const { status, stdout, stderr } = example(0);
  expect(stderr).toMatch(/in the store: 1 file/);
  expect(status).toBe(0);
  const path = stdout.trimEnd().split("\n").at(-1) as string;
  expect(readFileSync(join(path, "a.md"), "utf8")).toBe("# Hello\n");
});

test("the second one computes, and the second time does not", () => {
  const { cwd, status, stdout, stderr } = example(1);
  expect([status, stderr]).toEqual([
    0,
    expect.stringMatching(/^miss [\s\S]*\nhit: 1 file.* saved\n$/),
  ]);
  const [first, second] = stdout.trimEnd().split("\n");
  expect(second).toBe(first);
  expect(readFileSync(join(cwd, "shout.md"), "utf8")).toBe("# HELLO\n");
});
