import fc from "fast-check";
import { expect, it } from "vitest";
import { curvesOf, exponentOf, lastSlopeOf } from "../../src/report/growth.ts";
import type { Answer } from "../../src/run-file.ts";

it("finds the exponent of a power of the size, whatever its factor", () => {
  const exponent = fc.double({ min: -1, max: 3, noNaN: true });
  const factor = fc.double({ min: 1e-6, max: 10, noNaN: true });
  const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), {
    minLength: 3,
    maxLength: 8,
  });
  fc.assert(
    fc.property(exponent, factor, sizes, (k, c, list) => {
      const found = exponentOf(list.map((size) => [size, c * size ** k]));
      expect(found).toBeCloseTo(k, 6);
    }),
  );
});

it("says nothing of two sizes, nor of what took no time", () => {
  const [two, none] = [
    [
      [1, 1],
      [2, 2],
      [2, 3],
    ],
    [
      [1, 0],
      [2, 0],
      [4, 1],
    ],
  ] as const;
  expect(exponentOf(two)).toBeUndefined();
  expect(exponentOf(none)).toBeUndefined();
});

it("finds the slope of the two largest sizes, whatever the small ones cost", () => {
  const points = [
    [1000, 4],
    [1, 0.9],
    [100, 0.4],
    [10, 0.9],
  ] as const;
  expect(lastSlopeOf(points)).toBeCloseTo(1, 9);
  expect(lastSlopeOf(points.slice(1, 2))).toBeUndefined();
});

it("collects a curve from rows and points of all tables, by CPU time", () => {
  const sample = (size: number) => [{ wall: 9, cpu: size / 100, peak: 50 }];
  const row = (size: number) => ({
    ...{ name: `${size}`, ours: true, samples: sample(size) },
    grows: { what: "seed", size, unit: "files" },
  });
  const answer = (part: Partial<Answer>): Answer => ({
    ...{ question: "scale", title: "t", rows: [], notes: [] },
    ...part,
  });
  const points = [{ what: "seed", size: 1000, unit: "files", samples: sample(1000) }];
  const [curve, ...others] = curvesOf([answer({ rows: [row(100), row(10)] }), answer({ points })]);
  expect(others).toEqual([]);
  expect(curve?.points.map(({ size, cpu }) => [size, cpu])).toEqual([
    [10, 0.1],
    [100, 1],
    [1000, 10],
  ]);
  expect(curve?.exponent).toBeCloseTo(1, 9);
  expect(curve?.last).toBeCloseTo(1, 9);
  expect(curve?.ofWall).toBeCloseTo(0, 9);
});
