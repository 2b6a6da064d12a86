import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { mixed } from "../src/corpus.ts";
import { applyEditMix } from "../src/edit-mix.ts";

it("changes what it names and nothing else, each payload in its own way", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-edit-mix-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const before = mixed(join(dir, "before"), "smoke").dir;
  const edited = (payload: number, name: string): string => {
    const after = join(dir, name);
    cpSync(before, after, { recursive: true });
    const edit = applyEditMix(after, payload);
    expect([...edit.files].sort()).toEqual(differing(before, after));
    expect(edit.regions).toBe(21);
    return after;
  };
  const one = edited(1, "one");
  const lines = "chunks.jsonl";
  const grown = statSync(join(one, lines)).size - statSync(join(before, lines)).size;
  expect(grown).toBe(statSync(join(before, lines)).size / 100);
  expect(differing(one, edited(1, "again"))).toEqual([]);
  expect(differing(one, edited(2, "two"))).toContain("vectors.f32");
});

function differing(a: string, b: string): string[] {
  return readdirSync(a, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(a.length + 1))
    .filter((file) => !readFileSync(join(a, file)).equals(readFileSync(join(b, file))))
    .sort();
}
