// The first example of the README is run as it stands, by a process of its own.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { expect, test } from "vitest";

test("the first example of the README runs, and finds its result the second time", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    writeFileSync(join(cwd, "example.mjs"), /```js\n([\s\S]*?)```/.exec(readme)?.[1] as string);
    mkdirSync(join(cwd, "node_modules/@ctxpack"), { recursive: true });
    symlinkSync(join(import.meta.dirname, ".."), join(cwd, "node_modules/@ctxpack/client"));
    const env = { PATH: process.env["PATH"], NODE_OPTIONS: process.env["NODE_OPTIONS"], HOME: cwd };
    const run = () => spawnSync(process.execPath, ["example.mjs"], { cwd, encoding: "utf8", env });
    const first = run();
    expect(first.stderr).toBe("");
    expect(first.stdout).toMatch(/^ctx:\/\/sha256:[0-9a-f]{64} \/.*\n$/);
    rmSync(join(cwd, "out"), { recursive: true });
    expect(run().stdout).toBe(first.stdout);
  } finally {
    removeReadOnly(cwd);
  }
});

test("the second one computes, and the second time does not", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    const [, example] = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
    writeFileSync(join(cwd, "example.mjs"), example ?? "");
    mkdirSync(join(cwd, "node_modules/@ctxpack"), { recursive: true });
    symlinkSync(join(import.meta.dirname, ".."), join(cwd, "node_modules/@ctxpack/client"));
    const env = { PATH: process.env["PATH"], NODE_OPTIONS: process.env["NODE_OPTIONS"], HOME: cwd };
    const run = () => spawnSync(process.execPath, ["example.mjs"], { cwd, encoding: "utf8", env });
    expect(run()).toMatchObject({
      stderr: "",
      stdout: expect.stringMatching(/^false \[2,3,5,7,11,/),
    });
    expect(run().stdout).toMatch(/^true \[2,3,5,7,11,/);
  } finally {
    removeReadOnly(cwd);
  }
});

test("the third one remembers", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    const example = [...readme.matchAll(/```js\n([\s\S]*?)```/g)][2]?.[1] ?? "";
    writeFileSync(join(cwd, "example.mjs"), example);
    mkdirSync(join(cwd, "node_modules/@ctxpack"), { recursive: true });
    symlinkSync(join(import.meta.dirname, ".."), join(cwd, "node_modules/@ctxpack/client"));
    const env = { PATH: process.env["PATH"], NODE_OPTIONS: process.env["NODE_OPTIONS"], HOME: cwd };
    const run = () => spawnSync(process.execPath, ["example.mjs"], { cwd, encoding: "utf8", env });
    const first = run();
    expect([first.stderr, first.stdout.replace(/\s+/g, " ")]).toEqual([
      "",
      expect.stringMatching(/^computing \[ \{ a: 2, /),
    ]);
    expect(first.stdout.match(/computing/g)).toHaveLength(1);
    const second = run();
    expect(second.stdout).toBe(first.stdout.replace("computing\n", ""));
  } finally {
    removeReadOnly(cwd);
  }
});
