// However long paths are, the pages of a listing are the listing.
import type { Entry } from "@ctxpack/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { answerOf } from "../../src/mcp/answer.ts";
import { pageOf } from "../../src/mcp/page.ts";

/** Lists entries as an agent does that gives each `next` as `after`. */
function paged(entries: readonly Entry[], limit: number): unknown[] {
  const all: unknown[] = [];
  let left = entries;
  for (;;) {
    const answer = answerOf(pageOf(left, limit));
    expect(Buffer.byteLength(answer.content[0]?.text ?? "")).toBeLessThanOrEqual(48 * 1024);
    const { cut, files, next } = answer.structuredContent;
    expect(cut).toBeUndefined();
    all.push(...(files as { path?: string }[]).map(({ path }) => path));
    if (next === undefined) return all;
    expect(files).not.toEqual([]);
    const at = left.findIndex(({ path }) => path === next);
    expect(at).toBeGreaterThanOrEqual(0);
    left = left.slice(at + 1);
  }
}

/** A path of `length` bytes, of what is short or long in JSON, in parts that a path may have. */
function longPath(letter: string, length: number, id: number): string {
  const part = letter.repeat(250);
  return `${id}${`/${part}`.repeat(Math.ceil(length / 251))}`.slice(0, length);
}

const listing = fc
  .array(
    fc.record({
      letter: fc.constantFrom("a", '"', "\u0001"),
      length: fc.oneof(fc.constant(20), fc.integer({ min: 20, max: 4096 }), fc.constant(4096)),
      link: fc.option(fc.integer({ min: 1, max: 4095 })),
    }),
    { maxLength: 60 },
  )
  .map((all) =>
    all.map(({ letter, length, link }, id) => {
      const path = longPath(letter, length, id);
      return (link === null ? { path, size: 1 } : { path, link: letter.repeat(link) }) as Entry;
    }),
  );

test("pages list every entry, and no answer is cut", () => {
  fc.assert(
    fc.property(listing, fc.integer({ min: 1, max: 200 }), (entries, limit) => {
      expect(paged(entries, limit)).toEqual(entries.map(({ path }) => path));
    }),
  );
});

test("the longest path and target that there can be fit", () => {
  const path = longPath("\u0001", 4096, 0);
  const entries = [
    { path, link: "\u0001".repeat(4095) },
    { path: `${path.slice(0, -1)}b`, size: 2 ** 50 },
    { path: "z", size: 1 },
  ] as Entry[];
  expect(paged(entries, 200)).toEqual(entries.map((entry) => entry.path));
});
