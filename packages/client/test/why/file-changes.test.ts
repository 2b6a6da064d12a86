import { dirHashLines, sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareListings } from "../../src/why/file-changes.ts";

const linesOf = (tree: Readonly<Record<string, number>>) =>
  dirHashLines(
    Object.entries(tree).map(([path, n]) => ({ path, digest: sha256(Buffer.from(`${n}`)) })),
  );

const path = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 4 })
  .filter((text) => !text.includes("\n") && text.isWellFormed())
  .map((text) => text.normalize("NFC"));
const tree = fc.dictionary(path, fc.nat(2), { maxKeys: 12 });

test("the changes, applied to the files before, give the files after", () => {
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const found = compareListings(linesOf(before), linesOf(after));
      const files = new Map(Object.entries(before));
      for (const path of found?.removed ?? []) expect(files.delete(path)).toBe(true);
      for (const path of found?.added ?? []) {
        expect(files.has(path)).toBe(false);
        files.set(path, after[path] as number);
      }
      for (const path of found?.changed ?? []) {
        expect(files.get(path)).not.toBe(after[path]);
        files.set(path, after[path] as number);
      }
      expect(Object.fromEntries(files)).toEqual({ ...after });
      const sizes = [Object.keys(before).length, Object.keys(after).length];
      expect([found?.count.before, found?.count.after]).toEqual(sizes);
    }),
  );
});

test("what is no list of files is not taken for one", () => {
  const good = Buffer.from(linesOf({ a: 1, b: 2 })).toString();
  const [first = "", second = ""] = good.split("\n");
  const wrong = [
    good.slice(0, -1),
    `${second}\n${first}\n`,
    `${first}\n${first}\n`,
    `${first}\n\n${second}\n`,
    good.toUpperCase(),
    good.replace("  ", " "),
    "<html>\n",
  ];
  for (const text of wrong) {
    expect(compareListings(Buffer.from(text), Buffer.from(good)), text).toBeUndefined();
    expect(compareListings(Buffer.from(good), Buffer.from(text)), text).toBeUndefined();
  }
  expect(compareListings(Buffer.from(good), Buffer.from(""))).toMatchObject({
    removed: ["a", "b"],
  });
});
