import type { Box } from "./snake.ts";

/** Elements of a box that occur once in each of its sides, in the longest order that both sides have. */
export function findAnchors(a: Int32Array, b: Int32Array, box: Box): [number, number][] {
  const inA = places(a, box.a0, box.a1);
  const inB = places(b, box.b0, box.b1);
  const common: [number, number][] = [];
  for (const [value, at] of inA) {
    const other = inB.get(value);
    if (at !== TWICE && other !== undefined && other !== TWICE) common.push([at, other]);
  }
  common.sort(([one], [two]) => one - two);
  return longestRising(common);
}

const TWICE = -1;

function places(sequence: Int32Array, from: number, to: number): Map<number, number> {
  const found = new Map<number, number>();
  for (let at = from; at < to; at++) {
    const value = sequence[at] as number;
    found.set(value, found.has(value) ? TWICE : at);
  }
  return found;
}

/** The longest subsequence whose second members rise: patience sorting. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  /** Position in `pairs` of the last card of each pile. */
  const piles: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  for (const [index, [, value]] of pairs.entries()) {
    let low = 0;
    let high = piles.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((pairs[piles[mid] as number]?.[1] as number) < value) low = mid + 1;
      else high = mid;
    }
    if (low > 0) before[index] = piles[low - 1] as number;
    piles[low] = index;
  }
  const rising: [number, number][] = [];
  for (let at = piles.at(-1) ?? -1; at !== -1; at = before[at] as number) {
    rising.push(pairs[at] as [number, number]);
  }
  return rising.reverse();
}
