import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readReport } from "../../src/documents/pipeline.ts";

const SOURCES = join(import.meta.dirname, "../../src/documents");

/** A page as a manual has it: every one of them names the version. */
const page = (version: number, text: string): string =>
  `<html><head><title>${version}</title></head><body><p title="v${version}">${text}</p></body></html>`;

it("goes on only with what an update changed of the text", () => {
  const home = mkdtempSync(join(tmpdir(), "ctxpack-documents-"));
  onTestFinished(() => {
    spawnSync("chmod", ["-R", "u+rwX", home]);
    rmSync(home, { recursive: true });
  });
  const folder = join(home, "project");
  cpSync(join(SOURCES, "tools"), folder, { recursive: true });
  mkdirSync(join(folder, "docs"));
  const run = (version: number, texts: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(join(folder, "docs", `${name}.html`), page(version, text));
    }
    const report = join(home, "report.json");
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(SOURCES, "pipeline.ts"), folder, report, "html"],
      {
        encoding: "utf8",
        env: { ...process.env, CTXPACK_CACHE_DIR: join(home, "store"), XDG_CONFIG_HOME: home },
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
    return readReport(report).map(({ name, reused, computed }) => [name, reused, computed]);
  };

  const texts = { one: "the first page", two: "the second page", three: "the third page" };
  const done = (extract: number, other: number, joined: number) => [
    ["extract", 3 - extract, extract],
    ["pages", 1 - joined, joined],
    ["chunk", 3 - other, other],
    ["embed", 3 - other, other],
    ["index", 1 - joined, joined],
  ];
  expect(run(1, texts)).toEqual(done(3, 3, 1));
  expect(run(1, texts)).toEqual(done(0, 0, 0));
  expect(run(2, texts)).toEqual(done(3, 0, 0));
  expect(run(3, { ...texts, two: "the second page, revised" })).toEqual(done(3, 1, 1));
  const rows = readFileSync(join(folder, "index/rows.jsonl"), "utf8").trim().split("\n");
  expect(rows.map((row) => JSON.parse(row).page)).toEqual([
    "one.html/0001",
    "three.html/0001",
    "two.html/0001",
  ]);
  expect(readFileSync(join(folder, "index/vectors.f32")).length).toBe(3 * 256 * 4);
});
