import type { Corpus, Scale } from "./corpus.ts";
import type { Contender } from "./measure.ts";

/** What a question works with. */
export interface Bench {
  readonly scale: Scale;
  /** A folder of this question alone; deleted when everything is measured. */
  readonly scratch: string;
  /** A corpus, generated at its first use and shared by all questions. */
  corpus(name: "small" | "mixed" | "texts" | "single"): Corpus;
  /** Says that something is left out, and why, beside the result. */
  note(line: string): void;
}

/** Contenders that are measured against each other; the first is ours, ratios are to it. */
export interface Round {
  readonly title: string;
  readonly contenders: readonly Contender[];
  /** Counted runs of each contender, where more are needed than usual. */
  readonly runs?: number;
  /** Files and folders that runs read: they are in the page cache then, whoever comes first. */
  readonly reads?: readonly string[];
  /** Bytes one run works through, for a rate; absent where a rate says nothing. */
  readonly bytes?: number;
  /** Looks, after the clock, whether the work was done right. Throws an Error if not. */
  check?(): void;
  /** What else came of it, once it is checked. */
  details?(): Details;
}

/** A second table, of what is counted instead of timed. */
export interface Details {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One question: asked by its name on the command line, answered by one table for each round. */
export interface Question {
  readonly name: string;
  readonly about: string;
  /** A generator, so that what one round needs is made only when the round before it is done. */
  rounds(bench: Bench): Iterable<Round>;
}
