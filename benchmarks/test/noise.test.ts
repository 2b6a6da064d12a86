import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBeyondNoise, isChange, isFew, type Shift, shiftOf } from "../src/compare/noise.ts";

const seconds = fc.double({ min: 0.001, max: 1000, noNaN: true });
const samples = fc.array(seconds, { minLength: 1, maxLength: 8 });

/** Draws of a run that varies by `spread`, most of the time; one in ten is an outlier, upwards as they are. */
function runs(next: () => number, count: number, spread: number): number[] {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const outlier = next() < 0.1 ? 1 + next() : 1;
    return Math.exp(spread * normal) * outlier;
  });
}

/** Park and Miller's generator: the same draws every time. */
function generator(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** How often something is said about two lists of draws. */
function share(
  times: number,
  count: number,
  o: { spread: number; slower: number },
  says: (shift: Shift) => boolean = isBeyondNoise,
): number {
  const next = generator(17);
  let said = 0;
  for (let i = 0; i < times; i++) {
    const before = runs(next, count, o.spread);
    const after = runs(next, count, o.spread).map((value) => value * o.slower);
    if (says(shiftOf(before, after))) said++;
  }
  return said / times;
}

describe("shiftOf", () => {
  it("is 1 and no surprise for a list and itself", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const shift = shiftOf(list, list);
        expect(shift.ratio).toBeCloseTo(1, 9);
        expect(shift.chance).toBeGreaterThanOrEqual(0.5);
        expect(isBeyondNoise(shift)).toBe(false);
      }),
    );
  });

  it("does not depend on the order of samples, nor on their unit", () => {
    const factor = fc.integer({ min: -10, max: 10 }).map((power) => 2 ** power);
    fc.assert(
      fc.property(samples, samples, factor, (before, after, unit) => {
        const shift = shiftOf(before, after);
        expect(shiftOf(before.toReversed(), after.toReversed())).toEqual(shift);
        const scaled = (list: readonly number[]) => list.map((value) => value * unit);
        expect(shiftOf(scaled(before), scaled(after))).toEqual(shift);
      }),
    );
  });

  it("never gets surer or larger when the second gets quicker", () => {
    fc.assert(
      fc.property(samples, samples, fc.double({ min: 0.1, max: 1, noNaN: true }), (a, b, less) => {
        const [slow, quick] = [
          shiftOf(a, b),
          shiftOf(
            a,
            b.map((value) => value * less),
          ),
        ];
        expect(quick.ratio).toBeLessThanOrEqual(slow.ratio);
        expect(quick.chance).toBeGreaterThanOrEqual(slow.chance);
        if (isBeyondNoise(quick)) expect(isBeyondNoise(slow)).toBe(true);
      }),
    );
  });

  it("never says of two lists that each is worse than the other", () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        expect(isBeyondNoise(shiftOf(a, b)) && isBeyondNoise(shiftOf(b, a))).toBe(false);
      }),
    );
  });

  it("has the chances of the exact test: all orders are counted", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (n, m) => {
        const orders = subsets(n + m, m);
        for (const chosen of orders) {
          const after = chosen.map((place) => place + 1);
          const before = Array.from({ length: n + m }, (_, i) => i + 1).filter(
            (value) => !after.includes(value),
          );
          const wins = winsOf(before, after);
          const atLeast = orders.filter((other) => {
            const theirs = other.map((place) => place + 1);
            const rest = Array.from({ length: n + m }, (_, i) => i + 1).filter(
              (value) => !theirs.includes(value),
            );
            return winsOf(rest, theirs) >= wins;
          });
          expect(shiftOf(before, after).chance).toBeCloseTo(atLeast.length / orders.length, 12);
        }
      }),
    );
  });
});

describe("noise", () => {
  // One run in ten takes up to twice its time: what a machine that does something else looks like.
  it.each([
    { spread: 0.02, count: 5, most: 0.0025 },
    { spread: 0.02, count: 15, most: 0.0005 },
    { spread: 0.05, count: 3, most: 0.01 },
    { spread: 0.05, count: 5, most: 0.005 },
    { spread: 0.1, count: 5, most: 0.015 },
  ])("$count runs that vary by $spread are taken for a change at most $most of the time", (one) => {
    expect(share(4000, one.count, { ...one, slower: 1 })).toBeLessThanOrEqual(one.most);
  });

  it.each([
    { slower: 1.1, count: 15, least: 0.4 },
    { slower: 1.25, count: 5, least: 0.65 },
    { slower: 1.25, count: 15, least: 0.98 },
    { slower: 1.5, count: 5, least: 0.85 },
    { slower: 2, count: 3, least: 0.95 },
    { slower: 2, count: 5, least: 0.99 },
  ])("of $count runs $slower times as slow a change is seen at least $least of the time", (one) => {
    expect(share(1000, one.count, { ...one, spread: 0.03 })).toBeGreaterThanOrEqual(one.least);
  });

  it("makes about one in ten of whole comparisons fail when nothing changed", () => {
    // Of the questions that are committed: how many tests there are of rows of so many runs.
    const tests = { 1: 32, 3: 54, 5: 70, 15: 34 };
    const all = Object.values(tests).reduce((sum, count) => sum + count, 0);
    const quiet = Object.entries(tests).map(([count, number]) => {
      const o = { spread: 0.02, slower: 1 };
      return (1 - share(4000, Number(count), o, (shift) => isChange(shift, all))) ** number;
    });
    expect(quiet.reduce((product, chance) => product * chance)).toBeGreaterThan(0.88);
  });

  it.each([
    { slower: 1.15, count: 15, least: 0.8 },
    { slower: 1.5, count: 5, least: 0.7 },
    { slower: 2.5, count: 1, least: 0.9 },
    { slower: 2.5, count: 3, least: 0.98 },
  ])("of $count runs $slower times as slow one of 190 tests sees at least $least", (one) => {
    const seen = share(1000, one.count, { ...one, spread: 0.03 }, (shift) => isChange(shift, 190));
    expect(seen).toBeGreaterThanOrEqual(one.least);
  });

  it("cannot be told from change by one or two runs", () => {
    expect([1, 3, 4, 5, 15].map((count) => isFew(count, count))).toEqual([
      ...[true, true, true, false, false],
    ]);
    expect(isBeyondNoise(shiftOf([1, 1], [100, 100]))).toBe(false);
    expect(isBeyondNoise(shiftOf([1, 1.01, 1.02], [1.5, 1.5, 1.6]))).toBe(true);
    expect(isBeyondNoise(shiftOf([1, 1.01, 1.02], [1.2, 1.2, 1.22]))).toBe(false);
  });
});

function winsOf(before: readonly number[], after: readonly number[]): number {
  return before.flatMap((a) => after.filter((b) => b > a)).length;
}

/** All ways to choose `count` of the places 0 to `places` - 1. */
function subsets(places: number, count: number): number[][] {
  if (count === 0) return [[]];
  if (places < count) return [];
  const without = subsets(places - 1, count);
  return [...without, ...subsets(places - 1, count - 1).map((some) => [...some, places - 1])];
}
