import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Parts } from "../../src/store/parts.ts";
import { wholeIndex } from "../../src/store/whole-index.ts";
import { packItems } from "../pack/memory.ts";
import { noise, workplace } from "./fixture.ts";

const ITEMS = Array.from({ length: 3000 }, (_, i) => ({
  path: `${i % 7}/${i}`,
  content: noise(i % 50, i),
}));

it.each([10, 1_000_000])("is the same by way of the disk, of %i entries", (entries) => {
  const dir = workplace();
  const parts = { workspace: { path: () => join(dir, "index") } } as unknown as Parts;
  const { listing, summary } = packItems(ITEMS);
  const expected = Buffer.from(summary.indexBytes());
  expect(expected.equals(wholeIndex(parts, summary, entries))).toBe(true);
  expect(readdirSync(dir)).toEqual([]);
  expect(() => listing.path(0), "what it was made from is gone").toThrow(RangeError);
  expect(() => listing.count, "and is no empty output").toThrow(RangeError);
  expect(listing.files).toBe(ITEMS.length);
});
