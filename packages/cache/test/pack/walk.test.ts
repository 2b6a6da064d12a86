import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { IndexReader } from "@ctxpack/cache/pack";
import { CtxPackError, dirHashLines, hashTree, sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type Item, packItems } from "./memory.ts";

// `hashTree` walks a real folder, the index is resolved on paper: they must tell the same trees apart
// and give the same digest, or a pack that is pulled would be another input than the pack itself.

const root = mkdtempSync(join(tmpdir(), "ctxpack-walk-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

const part = fc.constantFrom("a", "b", "c", "d", "\u00e9", "e\u0301");
const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const target = fc
  .array(fc.oneof({ weight: 3, arbitrary: part }, fc.constantFrom("..", "..", ".", "")), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join("/").replace(/^\/+/, ""))
  .filter((t) => t !== "");

const items: fc.Arbitrary<Item[]> = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ path, content: fc.constantFrom("x", "y").map(Buffer.from) }),
      },
      { weight: 3, arbitrary: fc.record({ path, link: target, to: fc.nat(), up: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ path, dir: fc.constant(true as const) }) },
    ),
    { minLength: 1, maxLength: 9 },
  )
  .map((rows) => {
    const kept: Item[] = [];
    for (const row of rows) {
      const clashes = kept.some(
        (k) =>
          k.path === row.path ||
          k.path.startsWith(`${row.path}/`) ||
          row.path.startsWith(`${k.path}/`),
      );
      if (clashes) continue;
      kept.push("to" in row ? { path: row.path, link: aim(row, kept) } : row);
    }
    return kept;
  });

/** Two links of three lead to something that is there: an entry, or a folder above it. */
function aim(row: { path: string; link: string; to: number; up: number }, kept: Item[]): string {
  const there = kept[row.to % (kept.length + 1)];
  if (there === undefined || row.to % 3 === 0) return row.link;
  const parts = there.path.split("/");
  const above = parts.slice(0, Math.max(1, parts.length - row.up));
  return "../".repeat(row.path.split("/").length - 1) + above.join("/");
}

function build(tree: readonly Item[]): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const item of tree) {
    const full = join(folder, item.path);
    mkdirSync("dir" in item ? full : dirname(full), { recursive: true });
    if ("link" in item) symlinkSync(item.link, full);
    else if ("content" in item) writeFileSync(full, item.content);
  }
  return folder;
}

/** What the pack's index says: the dirHash1, or that there is none. */
function onPaper(tree: readonly Item[]): string {
  try {
    const index = IndexReader.open(packItems(tree).summary.indexBytes());
    return sha256(dirHashLines(index.outputFiles())).replace("sha256:", "dirHash1:");
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_TREE") return "no output";
    throw error;
  }
}

async function onDisk(tree: readonly Item[]): Promise<string> {
  try {
    return (await hashTree(build(tree))).digest;
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_TREE") return "no output";
    throw error;
  }
}

describe("the walk that follows links", () => {
  it("sees on paper what hashTree sees on disk", async () => {
    const seen = { refused: 0, linked: 0 };
    await fc.assert(
      fc.asyncProperty(items, async (tree) => {
        const paper = onPaper(tree);
        expect(paper).toBe(await onDisk(tree));
        if (paper === "no output") seen.refused++;
        else if (tree.some((item) => "link" in item)) seen.linked++;
      }),
      { numRuns: 400 },
    );
    expect(seen.refused).toBeGreaterThan(50);
    expect(seen.linked).toBeGreaterThan(5);
  });

  it("sees folders through links, under the names of the links", async () => {
    const tree: Item[] = [
      { path: "v1/model/weights", content: Buffer.from("w1") },
      { path: "v2/model/weights", content: Buffer.from("w2") },
      { path: "v2/base", link: "../v1" },
      { path: "latest", link: "v2" },
      { path: "weights", link: "latest/base/model/weights" },
    ];
    const index = IndexReader.open(packItems(tree).summary.indexBytes());
    expect([...index.outputFiles()].map((file) => file.path).sort()).toEqual([
      "latest/base/model/weights",
      "latest/model/weights",
      "v1/model/weights",
      "v2/base/model/weights",
      "v2/model/weights",
      "weights",
    ]);
    expect(onPaper(tree)).toBe(await onDisk(tree));
  });
});
