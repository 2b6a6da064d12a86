// The first example of the README is run as it stands.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, scratch } from "./run.ts";

cleanUp();

test("the first example of the README runs", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const example = /```sh\n([\s\S]*?)```/.exec(readme)?.[1] as string;
  const cwd = scratch();
  mkdirSync(join(cwd, "bin"));
  const bin = join(import.meta.dirname, "../bin/ctxpack.cjs");
  const wrapper = `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`;
  writeFileSync(join(cwd, "bin/ctxpack"), wrapper);
  chmodSync(join(cwd, "bin/ctxpack"), 0o755);
  const { PATH = "", NODE_OPTIONS = "" } = process.env;
  const { status, stdout, stderr } = spawnSync("sh", ["-e", "-c", example], {
    cwd,
    encoding: "utf8",
    env: { HOME: cwd, NODE_OPTIONS, PATH: `${join(cwd, "bin")}:${PATH}` },
  });
  expect(stderr).toMatch(/in the store: 1 file/);
  expect(status).toBe(0);
  const path = stdout.trimEnd().split("\n").at(-1) as string;
  expect(readFileSync(join(path, "a.md"), "utf8")).toBe("# Hello\n");
});
