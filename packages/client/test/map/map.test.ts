import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";

function workplace(): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}

async function open(cwd: string, more: OpenOptions = {}): Promise<CtxPack> {
  const env = { HOME: cwd, PATH: process.env["PATH"] };
  const ctx = await CtxPack.open({ cwd, env, cacheDir: "store", ...more });
  onTestFinished(() => ctx[Symbol.asyncDispose]());
  return ctx;
}

test("a command for every file", async () => {
  const cwd = workplace();
  mkdirSync(join(cwd, "docs/sub"), { recursive: true });
  writeFileSync(join(cwd, "docs/a.txt"), "a");
  writeFileSync(join(cwd, "docs/sub/b.txt"), "b");
  writeFileSync(join(cwd, "docs/sub/c.txt"), "b");
  const ctx = await open(cwd);
  const options = {
    out: "out/{path}.up",
    command: ["sh", "-c", 'echo x >> runs; tr a-z A-Z < "$0" > "$1"', "{in}", "{out}"],
  };
  const first = await ctx.map("docs/**/*.txt", options).result();
  expect(first.counts).toEqual({ total: 3, hit: 0, done: 3, failed: 0 });
  expect(readFileSync(join(cwd, "out/sub/c.txt.up"), "utf8")).toBe("B");
  expect(readFileSync(join(cwd, "runs"), "utf8")).toBe("x\nx\n");
  const again = await ctx.map("docs/**/*.txt", options).result();
  expect(again).toMatchObject({ hit: true, uri: first.uri, counts: { hit: 3 } });
  writeFileSync(join(cwd, "docs/a.txt"), "changed");
  const third = await ctx.map("docs/**/*.txt", options).result();
  expect(third.counts).toEqual({ total: 3, hit: 2, done: 1, failed: 0 });
  expect(readFileSync(join(cwd, "out/a.txt.up"), "utf8")).toBe("CHANGED");
});
