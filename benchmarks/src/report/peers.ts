import { isBeyondNoise, shiftOf } from "../compare/noise.ts";
import type { Question } from "../question.ts";
import type { Answer, Row } from "../run-file.ts";
import { isFloor, seconds, summaryOf, valuesOf } from "./summary.ts";

/** A row of ours and one of a peer that does the same, or a part of it. */
export interface Pair {
  readonly answer: Answer;
  readonly ours: Row;
  readonly peer: Row;
  /** Our median over the peer's. */
  readonly ratio: number;
  readonly verdict: "ours" | "peer" | "even" | "unclear";
}

/** Each peer of a table against the row of ours that it names, or the first; a floor is nobody's peer. */
export function pairsOf(answer: Answer): Pair[] {
  const ours = answer.rows.filter((row) => row.ours);
  return answer.rows.flatMap((peer) => {
    const mine = ours.find(({ name }) => peer.against !== undefined && name.includes(peer.against));
    const own = mine ?? ours[0];
    if (peer.ours || isFloor(peer) || !own) return [];
    const [a, b] = [summaryOf(own, "wall"), summaryOf(peer, "wall")];
    if (!a || !b) return [];
    return [{ answer, ours: own, peer, ratio: a.median / b.median, verdict: verdictOf(own, peer) }];
  });
}

function verdictOf(ours: Row, peer: Row): Pair["verdict"] {
  const [mine, theirs] = [valuesOf(ours, "wall"), valuesOf(peer, "wall")];
  if (isBeyondNoise(shiftOf(theirs, mine))) return "peer";
  if (isBeyondNoise(shiftOf(mine, theirs))) return "ours";
  // One run of a minute against one of two: no test, but no doubt either.
  const ratio = shiftOf(theirs, mine).ratio;
  if (Math.min(mine.length, theirs.length) >= 3) return "even";
  return ratio > 2 ? "peer" : ratio < 0.5 ? "ours" : "unclear";
}

/** The quickest of the peers of a table. */
export function quickest(pairs: readonly Pair[]): Pair | undefined {
  return pairs.toSorted((a, b) => b.ratio - a.ratio)[0];
}

/** A sentence on who won, from the figures alone. */
export function sentence({ ours, peer, ratio, verdict }: Pair): string {
  const mine = seconds(summaryOf(ours, "wall")?.median ?? Number.NaN);
  const theirs = seconds(summaryOf(peer, "wall")?.median ?? Number.NaN);
  const figures = `${theirs} s against ${mine} s`;
  switch (verdict) {
    case "peer":
      return `**${peer.name} wins**: ${ours.name} takes ${ratio.toFixed(2)} times as long (${figures}).`;
    case "ours":
      return `${ours.name} wins over ${peer.name}, which takes ${(1 / ratio).toFixed(2)} times as long (${figures}).`;
    case "even":
      return `${ours.name} and ${peer.name} do not differ by more than noise (${figures}).`;
    case "unclear":
      return `${peer.name} and ${ours.name} were run too rarely to tell which is quicker (${figures}).`;
  }
}

/** Why a peer wins, as its question says; `undefined` when nobody has written it down. */
export function whyOf(question: Question | undefined, { peer, answer }: Pair): string | undefined {
  return Object.entries(question?.whys ?? {}).find(
    ([part]) => peer.name.includes(part) || answer.title.includes(part),
  )?.[1];
}
