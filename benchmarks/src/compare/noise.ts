import { median } from "../median.ts";

/** What two lists of samples of the same work say about each other. */
export interface Shift {
  /** How many times as much the second takes: the median of all quotients of one of its samples and one of the first. */
  readonly ratio: number;
  /** The probability that samples of one source come out this much in favour of the first, or more. */
  readonly chance: number;
}

/** How much more is more than noise, given how sure it is; the surer, the less. */
const MARGINS: readonly { readonly chance: number; readonly ratio: number }[] = [
  { chance: 0.01, ratio: 1.1 },
  { chance: 0.05, ratio: 1.25 },
  { chance: 0.1, ratio: 1.5 },
];

/**
 * Compares two lists of samples, whatever their distribution: how far the second lies above the first (Hodges and Lehmann's
 * estimate, of quotients) and how likely that is by chance (Mann and Whitney's test, exact, one-sided). Throws a RangeError
 * when one is empty.
 */
export function shiftOf(before: readonly number[], after: readonly number[]): Shift {
  if (before.length === 0 || after.length === 0) throw new RangeError("no samples to compare");
  const quotients = before.flatMap((a) => after.map((b) => (a === b ? 1 : b / a)));
  // A tie is half a win; what is left of a half counts for chance.
  const wins = before.reduce(
    (sum, a) => sum + after.reduce((won, b) => won + (b > a ? 1 : b === a ? 0.5 : 0), 0),
    0,
  );
  return {
    ratio: median(quotients),
    chance: tail(before.length, after.length, Math.floor(wins)),
  };
}

/**
 * Whether a shift is more than noise: one that chance brings in 1 of 100 cases from 10 % on, one that it brings in 1 of 20
 * (the best that three runs against three can show) from 25 % on, one that it brings in 1 of 10 (five against five with an
 * outlier) from 50 % on. One or two runs against as many show nothing. It is said of one pair of lists: whoever asks of many
 * is told of some that are none (`isChange`).
 */
export function isBeyondNoise({ ratio, chance }: Shift): boolean {
  return MARGINS.some((margin) => chance <= margin.chance && ratio > margin.ratio);
}

/** Nobody needs a test to see this, nor more than one run. */
const OBVIOUS = 2;

/**
 * Whether a shift is a change, when it is one of `tests` that are looked at. Bonferroni's correction for that many is within
 * reach of fifteen runs against fifteen; five against five never are that sure, so that they have to differ by more instead,
 * and fewer by a factor of two.
 */
export function isChange({ ratio, chance }: Shift, tests: number): boolean {
  return (
    ratio > OBVIOUS || (chance <= 0.01 && ratio > 1.4) || (chance <= 0.05 / tests && ratio > 1.1)
  );
}

/** Whether lists of this length differ only when one takes twice as much. */
export function isFew(before: number, after: number): boolean {
  return tail(before, after, before * after) > 0.01;
}

/** The share of all orders of n and m samples in which the m win at least `wins` of their n·m encounters. */
function tail(n: number, m: number, wins: number): number {
  const counts = winCounts(n, m);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.slice(Math.max(0, wins)).reduce((sum, count) => sum + count, 0) / total;
}

/** How many orders have 0, 1, 2 … wins: the largest sample is one of the m, and wins n times, or one of the n. */
function winCounts(n: number, m: number): number[] {
  // rows[j] is the list for i of the n and j of the m.
  let rows: number[][] = Array.from({ length: m + 1 }, () => [1]);
  for (let i = 1; i <= n; i++) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= m; j++) {
      const counts = new Array<number>(i * j + 1).fill(0);
      (rows[j] ?? []).forEach((count, wins) => {
        counts[wins] = (counts[wins] ?? 0) + count;
      });
      (next[j - 1] ?? []).forEach((count, wins) => {
        counts[wins + i] = (counts[wins + i] ?? 0) + count;
      });
      next.push(counts);
    }
    rows = next;
  }
  return rows[m] ?? [1];
}
