import type { Corpus, Scale } from "./corpus.ts";
import type { Contender, Measurement, Sample } from "./measure.ts";

/** What a question works with. */
export interface Bench {
  readonly scale: Scale;
  /** A folder of this question alone; its disk is given back when the question is answered, the folder goes when all are. */
  readonly scratch: string;
  /** What stands for long work does not take its time. */
  readonly noSleep: boolean;
  /** A corpus, generated at its first use and shared by all questions. */
  corpus(name: "small" | "mixed" | "texts" | "single"): Corpus;
  /** Says that something is left out, and why, beside the result. */
  note(line: string): void;
}

/** Contenders that are measured against each other; ratios are to the first. */
export interface Round {
  readonly title: string;
  readonly contenders: readonly Contender[];
  /** Rounds of one question with the same word share a picture; without it a question has one picture for all of them. */
  readonly chart?: string;
  /** Counted runs of each contender, where more are needed than usual. */
  readonly runs?: number;
  /** Files and folders that runs read: they are in the page cache then, whoever comes first. */
  readonly reads?: readonly string[];
  /** Bytes one run works through, for a rate; absent where a rate says nothing. */
  readonly bytes?: number;
  /** Looks, after the clock, whether the work was done right. Throws an Error if not. */
  check?(): void;
  /** What else came of it, once it is checked. */
  details?(measured: readonly Measurement[]): Details;
  /** What is counted instead of timed and may be compared with another run: bytes on the wire or the disk, requests. */
  figures?(): readonly Figure[];
  /** What was timed within one process, for growth; a contender that is a point says so itself (`grows`). */
  points?(): readonly GrowthPoint[];
}

/** A second table, of what is counted instead of timed. */
export interface Details {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A number that was counted: of one contender, or of what serves them all. Less is better. */
export interface Figure {
  /** The name of the contender. */
  readonly of: string;
  /** `sent`, `on disk`, `requests`. */
  readonly what: string;
  readonly unit: "bytes" | "count" | "s";
  readonly value: number;
}

/** Where a measurement lies on a curve of growth: all of one question with the same `what` are one curve. */
export interface Growth {
  readonly what: string;
  readonly size: number;
  /** What `size` counts: `files`, `bytes`, `packs`, `clients`. */
  readonly unit: string;
}

/** One point of a curve of growth that no contender stands for. */
export interface GrowthPoint extends Growth {
  readonly samples: readonly Sample[];
}

/** One question: asked by its name on the command line, answered by one table for each round. */
export interface Question {
  readonly name: string;
  readonly about: string;
  /** Asked only by name or with `--all`: it takes long, or a machine of its own. */
  readonly byName?: true;
  /** Programs whose versions go into the report. */
  readonly programs?: readonly string[];
  /**
   * Why a contender is quicker than ours: a part of its name, or of the table's title, and the sentences that the report prints
   * where it wins. What would change that is said only when it was measured.
   */
  readonly whys?: Readonly<Record<string, string>>;
  /** A generator, so that what one round needs is made only when the round before it is done. */
  rounds(bench: Bench): Iterable<Round>;
}
