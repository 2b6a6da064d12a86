import { sha256 } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { BlobTable } from "../../src/store/collect/blob-table.ts";

it("finds what was added, and nothing else", () => {
  const table = new BlobTable();
  const digests = Array.from({ length: 5000 }, (_, i) => sha256(Buffer.from(`${i}`)));
  for (const [i, digest] of digests.entries()) table.add(digest, i, i / 3);
  // A folder that changes while it is read may give a name twice.
  for (const digest of digests.slice(0, 10)) table.add(digest, 7, 7);
  expect([table.count, table.bytes]).toEqual([5000, (5000 * 4999) / 2]);
  for (const [i, digest] of digests.entries()) {
    const id = table.find(digest) ?? -1;
    expect([table.digest(id), table.bytesOf(id), table.usedMsOf(id)]).toEqual([digest, i, i / 3]);
  }
  expect(table.find(sha256(Buffer.from("other")))).toBeUndefined();
});

it("tells digests apart that begin alike", () => {
  const table = new BlobTable();
  const alike = ["a", "b", "c"].map((end) => `sha256:${"0".repeat(63)}${end}` as const);
  for (const digest of alike.slice(0, 2)) table.add(digest, 1, 0);
  expect(alike.map((digest) => table.find(digest))).toEqual([0, 1, undefined]);
});
