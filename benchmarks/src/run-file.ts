import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Scale } from "./corpus.ts";
import type { Commit, Machine, Versions } from "./machine.ts";
import type { Sample } from "./measure.ts";
import type { Details, Figure, Growth, GrowthPoint } from "./question.ts";

const SCHEMA_VERSION = 2;

/** All that one run of the benchmarks found; what is said about it elsewhere is computed from this. */
export interface RunFile {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly scale: Scale;
  /** Whether what stands for long work took its time. */
  readonly slept: boolean;
  /** ISO 8601. */
  readonly started: string;
  readonly commit?: Commit | undefined;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly answers: readonly Answer[];
  readonly failures: readonly Failure[];
}

/** One table. */
export interface Answer {
  readonly question: string;
  readonly title: string;
  /** Answers of one question with the same word share a picture. */
  readonly chart?: string;
  readonly bytes?: number;
  readonly rows: readonly Row[];
  readonly details?: Details;
  readonly figures?: readonly Figure[];
  readonly points?: readonly GrowthPoint[];
  /** What was said beside the table. */
  readonly notes: readonly string[];
}

/** Every counted run of one contender, in order. */
export interface Row {
  readonly name: string;
  readonly ours: boolean;
  /** What no program can be quicker than; no peer. */
  readonly floor?: true;
  /** A part of the name of the row of ours that a peer does the same work as, if that is not the first. */
  readonly against?: string;
  readonly setup?: string;
  readonly grows?: Growth;
  readonly samples: readonly Sample[];
}

/** A question that ended with an error. */
export interface Failure {
  readonly question: string;
  readonly error: string;
}

/** Writes a run as JSON, whole or not at all. */
export function writeRun(file: string, run: Omit<RunFile, "schemaVersion">): void {
  mkdirSync(dirname(file), { recursive: true });
  const whole: RunFile = { schemaVersion: SCHEMA_VERSION, ...run };
  writeFileSync(`${file}.new`, `${JSON.stringify(whole, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** Throws an Error that names the file when it is no run of this version. */
export function readRun(file: string): RunFile {
  const run = parse(file) as Partial<RunFile> | null;
  if (run?.schemaVersion !== SCHEMA_VERSION || !Array.isArray(run.answers)) {
    throw new Error(`${file}: not a run of \`bench\` of schema version ${SCHEMA_VERSION}`);
  }
  return run as RunFile;
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}
