import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Item, type MemoryPack, noise, packItems } from "./memory.ts";

/** The tree: half of it in one file that has segments of its own, half in files that share segments. Bytes. */
const LARGE = 10_000_000;
const SMALL = 31_250;
const FILES = 320;

/** An edit of some bytes at one place: a share of the tree from 0 to 1. */
interface Edit {
  readonly kind: "overwrite" | "insert" | "remove";
  readonly place: number;
  readonly bytes: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("overwrite", "insert", "remove"),
  // Without the bias to small numbers: edits would meet in one segment, and cost nothing there.
  place: fc.noBias(fc.nat({ max: 2 ** 20 - 1 })).map((n) => n / 2 ** 20),
  bytes: fc.integer({ min: 1, max: 20_000 }),
});

type Contents = ReadonlyMap<string, Buffer>;

/**
 * What an edit costs beyond its own bytes, in average segments: 1.35 in the mean. Some single edits cost more, and must:
 * a segment may be twice as long as the average, and after an insertion it may take a few segments until the cuts are
 * where they were. So the law is about the median of a batch of edit sets, not about each.
 */
const MOST_SEGMENTS = 1.6;
const SETS = 25;
const BATCHES = 5;

let before: Contents;
let known: ReadonlySet<string>;
beforeAll(() => {
  before = new Map([
    ["large.bin", noise("large", LARGE)],
    ...Array.from({ length: FILES }, (_, i): [string, Buffer] => [
      `text/${i % 8}/${i}.txt`,
      noise(`small ${i}`, SMALL),
    ]),
  ]);
  known = digestsOf(packItems(itemsOf(before)));
});

describe("the law of updates: f + 1.6·k/B of a pack is sent again", () => {
  it("holds in the median of random edit sets", () => {
    const sets = fc.array(fc.array(edit, { minLength: 1, maxLength: 10 }), {
      minLength: SETS,
      maxLength: SETS,
    });
    fc.assert(
      fc.property(sets, (batch) => {
        const costs = batch.map((edits) => {
          const { sent, changed, segments } = update(edits);
          return ((sent - changed) * segments) / edits.length;
        });
        costs.sort((a, b) => a - b);
        expect(costs[SETS >> 1]).toBeLessThanOrEqual(MOST_SEGMENTS);
      }),
      // Smaller batches say less about medians: there is nothing to shrink.
      { numRuns: BATCHES, endOnFailure: true },
    );
  });

  it("is the same for both profiles in a pack of this size: no segment is meant to be smaller", () => {
    expect(digestsOf(packItems(itemsOf(before), "fine"))).toEqual(known);
  });

  it("costs nothing when nothing changed", () => {
    expect(update([]).sent).toBe(0);
  });
});

interface Update {
  /** Share of the tar that lies in segments which the pack before has not. */
  readonly sent: number;
  /** Share of the tar that was changed. */
  readonly changed: number;
  readonly segments: number;
}

function update(edits: readonly Edit[]): Update {
  const after = packItems(itemsOf(apply(before, edits)));
  const { segments, tarSize } = after.summary;
  const fresh = segments.filter(({ digest }) => !known.has(digest));
  return {
    sent: fresh.reduce((sum, { size }) => sum + size, 0) / tarSize,
    changed: edits.reduce((sum, { bytes }) => sum + bytes, 0) / tarSize,
    segments: segments.length,
  };
}

function digestsOf({ summary }: MemoryPack): Set<string> {
  return new Set(summary.segments.map(({ digest }) => digest));
}

function itemsOf(contents: Contents): Item[] {
  return [...contents].map(([path, content]) => ({ path, content }));
}

/** Makes the edits one after the other, each where the tree of all files has its `place`. */
function apply(contents: Contents, edits: readonly Edit[]): Contents {
  const after = new Map(contents);
  for (const [i, one] of edits.entries()) {
    const total = [...after.values()].reduce((sum, { length }) => sum + length, 0);
    let at = Math.floor(one.place * total);
    for (const [path, content] of after) {
      if (at < content.length) {
        after.set(path, changed(content, at, one, i));
        break;
      }
      at -= content.length;
    }
  }
  return after;
}

function changed(content: Buffer, at: number, { kind, bytes }: Edit, salt: number): Buffer {
  const added = kind === "remove" ? Buffer.alloc(0) : noise(`${salt} ${at} ${bytes}`, bytes);
  const gone = kind === "insert" ? 0 : bytes;
  const whole = Buffer.concat([content.subarray(0, at), added, content.subarray(at + gone)]);
  return kind === "overwrite" ? whole.subarray(0, content.length) : whole;
}
