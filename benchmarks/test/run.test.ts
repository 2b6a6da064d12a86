import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { machine, versions } from "../src/machine.ts";
import { readRun } from "../src/run-file.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-run-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

it("writes every sample of a run, where it was measured and what with", () => {
  const file = join(folder(), "new/run.json");
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, "start", "--smoke", "--out", file],
    {
      encoding: "utf8",
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const run = readRun(file);
  expect(run).toMatchObject({ scale: "smoke", slept: false, machine: machine(), failures: [] });
  expect(run.versions).toMatchObject(versions(["git", "find"]));
  expect(run.answers.map(({ question }) => question)).toEqual(["start", "start"]);
  for (const { rows } of run.answers) {
    for (const { samples } of rows) {
      expect(samples).toHaveLength(1);
      expect(samples[0]?.wall).toBeGreaterThan(0);
    }
  }
});

it("asks programs for their versions, and says which are absent", () => {
  const found = versions(["sh-that-is-absent", "tar"]);
  expect(found).toMatchObject({ node: process.version, "sh-that-is-absent": null });
  expect(found["tar"]).toMatch(/\d/);
});

it("refuses what is no run, naming the file", () => {
  const file = join(folder(), "run.json");
  for (const text of ["{}", "[]", "null", "{", '{"schemaVersion":1,"answers":[]}']) {
    writeFileSync(file, text);
    expect(() => readRun(file)).toThrow(file);
  }
});

it("knows its questions", () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, "what"], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain("no such question: what");
});
