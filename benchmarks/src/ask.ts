import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Corpus, mixed, singleFile, smallFiles, texts } from "./corpus.ts";
import { giveBack } from "./give-back.ts";
import { markdown } from "./markdown.ts";
import { compare, type Measurement } from "./measure.ts";
import type { Bench, Question, Round } from "./question.ts";
import type { Answer, Row } from "./run-file.ts";
import { table } from "./table.ts";

const CORPORA = { small: smallFiles, mixed, texts, single: singleFile } as const;

/** Generates each corpus once, at its first use. */
export function corpora(root: string, scale: Bench["scale"]): Bench["corpus"] {
  const made = new Map<string, Corpus>();
  return (name) => {
    const corpus = made.get(name) ?? CORPORA[name](join(root, "corpus", name), scale);
    made.set(name, corpus);
    return corpus;
  };
}

/** Asks one question: prints a table for each round and gives what it found, round after round. */
export function* ask(
  question: Question,
  root: string,
  o: Pick<Bench, "scale" | "noSleep" | "corpus">,
): Iterable<Answer> {
  const scratch = join(root, question.name);
  mkdirSync(scratch);
  const notes: string[] = [];
  const note = (line: string): void => {
    console.log(`- ${line}`);
    notes.push(line);
  };
  try {
    for (const round of question.rounds({ ...o, scratch, note })) {
      const measurements = compare(round.contenders, {
        runs: o.scale === "full" ? (round.runs ?? 5) : 1,
        warmUps: o.scale === "full" ? 1 : 0,
        scratch,
        reads: round.reads,
      });
      round.check?.();
      console.log(table(round, measurements));
      yield answerOf(question, round, measurements, notes);
      notes.length = 0;
    }
  } finally {
    giveBack(scratch);
  }
  // A question that was left out says so too.
  if (notes.length > 0)
    yield { question: question.name, title: question.about, rows: [], notes: [...notes] };
}

function answerOf(
  question: Question,
  round: Round,
  measurements: readonly Measurement[],
  notes: readonly string[],
): Answer {
  const { title, bytes, chart } = round;
  const details = round.details?.(measurements);
  if (details) console.log(`${markdown(details.head, details.rows)}\n`);
  const figures = round.figures?.();
  const points = round.points?.();
  return {
    question: question.name,
    title,
    rows: measurements.map(rowOf),
    // Copied: they are collected anew for the next round.
    notes: [...notes],
    ...(chart !== undefined && { chart }),
    ...(bytes !== undefined && { bytes }),
    ...(details && { details }),
    ...(figures && { figures }),
    ...(points && { points }),
  };
}

function rowOf({ name, ours, floor, against, setup, grows, samples }: Measurement): Row {
  return {
    name,
    ours,
    ...(floor && { floor }),
    ...(against !== undefined && { against }),
    ...(setup !== undefined && { setup }),
    ...(grows && { grows }),
    samples,
  };
}
