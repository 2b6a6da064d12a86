import fc from "fast-check";
import { expect, test } from "vitest";
import { ALONE, commonSubsequence } from "../../src/align/common.ts";

const sequences = (symbols: number, maxLength = 40) =>
  fc.array(fc.integer({ min: 0, max: symbols - 1 }), { maxLength });

test("a common subsequence is one, and is as long as the longest", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }).chain((n) => fc.tuple(sequences(n), sequences(n))),
      ([a, b]) => {
        const partners = commonSubsequence(Int32Array.from(a), Int32Array.from(b));
        expect(pairsOf(partners, a, b)).toBe(longest(a, b));
      },
    ),
    { numRuns: 3000 },
  );
});

test("with little to spend it is a common subsequence still", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }).chain((n) => fc.tuple(sequences(n, 80), sequences(n, 80))),
      fc.integer({ min: 1, max: 4 }),
      ([a, b], cap) => {
        const partners = commonSubsequence(Int32Array.from(a), Int32Array.from(b), cap);
        expect(pairsOf(partners, a, b)).toBeLessThanOrEqual(longest(a, b));
      },
    ),
    { numRuns: 2000 },
  );
});

test("up to twice the cap edits it is the longest", () => {
  fc.assert(
    fc.property(
      sequences(3, 60),
      fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 2 })), { maxLength: 6 }),
      (a, inserted) => {
        const b = [...a];
        for (const [at, value] of inserted) b.splice(Math.min(at, b.length), 0, value);
        const partners = commonSubsequence(Int32Array.from(a), Int32Array.from(b), 3);
        expect(pairsOf(partners, a, b)).toBe(a.length);
      },
    ),
    { numRuns: 1000 },
  );
});

test("two sequences of 100,000 that have nothing in common, and two whose order is another", () => {
  const n = 100_000;
  const a = Int32Array.from({ length: n }, (_, index) => index);
  const b = Int32Array.from({ length: n }, (_, index) => n + index);
  expect(commonSubsequence(a, b).every((other) => other === ALONE)).toBe(true);
  // Every element twice: nothing to hold on to.
  const c = Int32Array.from({ length: n }, (_, index) => (index * 7919) % (n / 2));
  const d = Int32Array.from({ length: n }, (_, index) => (index * 104_729) % (n / 2));
  expect(pairsOf(commonSubsequence(c, d), [...c], [...d])).toBeGreaterThan(0);
});

/** Number of pairs, after it was checked that they are equal and rise. */
function pairsOf(partners: Int32Array, a: readonly number[], b: readonly number[]): number {
  let [count, last] = [0, -1];
  for (const [at, other] of partners.entries()) {
    if (other === ALONE) continue;
    if (a[at] !== b[other] || other <= last) throw new Error(`${at} and ${other}`);
    last = other;
    count++;
  }
  return count;
}

function longest(a: readonly number[], b: readonly number[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const left of a) {
    const next = [0];
    for (const [at, right] of b.entries()) {
      next.push(left === right ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
