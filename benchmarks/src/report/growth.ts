import type { Sample } from "../measure.ts";
import { median } from "../median.ts";
import type { Answer } from "../run-file.ts";

/** One curve: what something costs at several sizes. */
export interface Curve {
  readonly what: string;
  /** What the sizes count. */
  readonly unit: string;
  readonly points: readonly CurvePoint[];
  /** The exponent of growth: 1 when twice as many cost twice as much. `undefined` of fewer than three points. */
  readonly exponent?: number;
  /** The same between the two largest sizes alone, where the start of the runtime is the least of it. */
  readonly last?: number;
  /** The same of the wall, over all sizes: what waits for its turn shows there and not in CPU time. */
  readonly ofWall?: number;
}

interface CurvePoint {
  readonly size: number;
  /** Medians; seconds of the wall and of CPU time, MiB. */
  readonly wall: number;
  readonly cpu: number | undefined;
  readonly peak: number | undefined;
}

/** The curves of a question, from rows that are points of one and from points without a row. */
export function curvesOf(answers: readonly Answer[]): Curve[] {
  const all = answers.flatMap(({ rows, points = [] }) => [
    ...rows.flatMap(({ grows, samples }) => (grows ? [{ ...grows, samples }] : [])),
    ...points,
  ]);
  return Array.from(
    Map.groupBy(all, ({ what }) => what),
    ([what, list]) => {
      const points = list
        .map(({ size, samples }) => ({ size, ...medians(samples) }))
        .sort((a, b) => a.size - b.size);
      const costs = points.map(({ size, wall, cpu }) => [size, cpu ?? wall] as const);
      const exponent = exponentOf(costs);
      const last = lastSlopeOf(costs);
      const ofWall = exponentOf(points.map(({ size, wall }) => [size, wall]));
      const unit = list[0]?.unit ?? "";
      return {
        ...{ what, unit, points },
        ...(exponent !== undefined && { exponent }),
        ...(last !== undefined && { last }),
        ...(ofWall !== undefined && { ofWall }),
      };
    },
  );
}

/** The slope of the straight line through the logarithms, by least squares. What took no time that its clock saw is left out. */
export function exponentOf(points: readonly (readonly [number, number])[]): number | undefined {
  const logs = points.flatMap(([size, cost]) =>
    size > 0 && cost > 0 ? [[Math.log(size), Math.log(cost)] as const] : [],
  );
  const mean = (at: 0 | 1): number => logs.reduce((sum, one) => sum + one[at], 0) / logs.length;
  if (new Set(logs.map(([size]) => size)).size < 3) return undefined;
  const [x, y] = [mean(0), mean(1)];
  const spread = logs.reduce((sum, [size]) => sum + (size - x) ** 2, 0);
  return logs.reduce((sum, [size, cost]) => sum + (size - x) * (cost - y), 0) / spread;
}

/** An exponent as it is printed: what rounds to nothing has no sign. */
export function exponentText(exponent: number): string {
  return (Math.round(exponent * 100) / 100 + 0).toFixed(2);
}

/** The slope between the two largest sizes. */
export function lastSlopeOf(points: readonly (readonly [number, number])[]): number | undefined {
  const [before, last] = points.toSorted(([a], [b]) => a - b).slice(-2);
  if (!before || !last || before[0] === last[0] || before[1] <= 0 || last[1] <= 0) return undefined;
  return Math.log(last[1] / before[1]) / Math.log(last[0] / before[0]);
}

function medians(samples: readonly Sample[]): Omit<CurvePoint, "size"> {
  const of = (key: keyof Sample): number | undefined => {
    const values = samples.map((one) => one[key]).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
  return { wall: of("wall") ?? Number.NaN, cpu: of("cpu"), peak: of("peak") };
}
