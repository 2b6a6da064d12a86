import type { IndexReader } from "@ctxpack/cache/pack";
import { compareOutputs, type OutputDifference } from "../difference.ts";
import type { Contents } from "./contents.ts";
import { lookInside } from "./look-inside.ts";

/** Paths that are named; the others are counted. */
const PATHS_NAMED = 20;

/** How two outputs of one contract differ. */
export interface Comparison {
  /** How many paths differ. */
  readonly count: number;
  /** The first of them, bytewise by path. */
  readonly paths: readonly OutputDifference[];
}

/** One of two outputs that are compared. */
interface ComparedOutput {
  readonly index: IndexReader;
  /** Absent when only paths are wanted. */
  readonly contents?: Contents | undefined;
}

/** Compares two outputs by their indexes, and looks into the first files that differ. */
export async function compare(
  before: ComparedOutput,
  after: ComparedOutput,
  signal: AbortSignal,
): Promise<Comparison> {
  const paths: OutputDifference[] = [];
  let count = 0;
  for (const difference of compareOutputs(before.index, after.index)) {
    if (count++ < PATHS_NAMED) paths.push(difference);
  }
  if (before.contents === undefined || after.contents === undefined) return { count, paths };
  return { count, paths: await lookInside(paths, before.contents, after.contents, signal) };
}
