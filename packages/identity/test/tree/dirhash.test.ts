import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest.ts";
import { dirHashLines } from "../../src/tree/dirhash.ts";
import { hashTree } from "../../src/tree/hash.ts";
import { compareBytewise } from "../../src/tree/order.ts";
import { TestFolder } from "./folder.ts";

const digest = (text: string): Digest =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("dirHashLines", () => {
  it("is the lines of the folder with the same files, in whatever order", async () => {
    using folder = new TestFolder();
    const paths = ["a/b", "a-b", "a.b", "é", "\uffee", "😀", "z"];
    for (const path of paths) folder.file(path, path);
    const tree = await hashTree(folder.path);
    const files = paths.toReversed().map((path) => ({ path, digest: digest(path) }));
    expect(Buffer.from(dirHashLines(files)).equals(tree.lines)).toBe(true);
  });

  it("puts paths into NFC", () => {
    const [decomposed, composed] = ["e\u0301", "\u00e9"].map((path) =>
      dirHashLines([{ path, digest: digest("x") }]),
    );
    expect(decomposed).toEqual(composed);
  });

  it("of nothing is nothing", () => {
    expect(dirHashLines([])).toEqual(new Uint8Array());
  });

  it.each([
    [["a\nb"], 'a path has a newline: "a\\nb"'],
    [["\ud800"], 'a path is not valid Unicode: "\\ud800"'],
    [["é", "e\u0301"], 'two paths are equal after Unicode normalisation (NFC): "e\u0301"'],
    [["a", "a"], 'two paths are equal after Unicode normalisation (NFC): "a"'],
  ])("refuses %j", (paths, message) => {
    const files = paths.map((path) => ({ path, digest: digest(path) }));
    expect(() => dirHashLines(files)).toThrow(message);
  });
});

describe("compareBytewise", () => {
  it("orders as UTF-8 bytes do", () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom(
          "a",
          "/",
          "\u07ff",
          "\ud7ff",
          "\ue000",
          "\uffff",
          "\u{10000}",
          "\u{10ffff}",
        ),
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      ),
      maxLength: 5,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const sign = Math.sign(compareBytewise(a, b));
        expect(sign).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 3000 },
    );
  });
});
