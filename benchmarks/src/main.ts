import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Corpus, mixed, type Scale, singleFile, smallFiles, texts } from "./corpus.ts";
import { documents } from "./documents/updates.ts";
import { keyless } from "./keyless.ts";
import { large } from "./large.ts";
import { link } from "./link.ts";
import { map } from "./map.ts";
import { markdown } from "./markdown.ts";
import { materialise } from "./materialise.ts";
import { compare, hasGnuTime, type Measurement } from "./measure.ts";
import { proof } from "./proof.ts";
import { pull } from "./pull.ts";
import type { Bench, Details, Question } from "./question.ts";
import { registry } from "./registry.ts";
import { reseed } from "./reseed.ts";
import { seed } from "./seed.ts";
import { sign } from "./sign.ts";
import { start } from "./start.ts";
import { table } from "./table.ts";
import { tree } from "./tree.ts";
import { why } from "./why.ts";

const QUESTIONS: readonly Question[] = [
  start,
  tree,
  seed,
  reseed,
  materialise,
  pull,
  map,
  documents,
  registry,
  why,
  sign,
  proof,
  keyless,
  link,
  large,
];
/** Asked only by name: they take long, and a machine of their own. */
const BY_NAME: readonly Question[] = [link, large];
const CORPORA = { small: smallFiles, mixed, texts, single: singleFile } as const;

const USAGE = `node benchmarks/src/main.ts [--smoke] [--out FILE] [name…]

${QUESTIONS.map(({ name, about }) => `  ${name.padEnd(11)} ${about}`).join("\n")}

  --smoke     tiny corpora, one run: shows that everything works, measures nothing
  --out FILE  also write the figures as JSON
`;

interface Answer {
  readonly question: string;
  readonly title: string;
  readonly bytes?: number;
  readonly measurements: readonly Measurement[];
  readonly details?: Details;
  /** What was said beside the table. */
  readonly notes: readonly string[];
}

process.exitCode = run(process.argv.slice(2));

function run(argv: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      smoke: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = positionals.filter((name) => !QUESTIONS.some((one) => one.name === name));
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) console.error(`no such question: ${unknown.join(", ")}\n`);
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const asked = QUESTIONS.filter((question) =>
    positionals.length === 0 ? !BY_NAME.includes(question) : positionals.includes(question.name),
  );
  const scale: Scale = values.smoke ? "smoke" : "full";
  // Ctrl-C ends the child that is measured, which fails the run, and everything made here is deleted.
  process.on("SIGINT", () => {});
  const root = mkdtempSync(join(tmpdir(), "ctxpack-bench-"));
  try {
    console.log(environment(scale));
    const corpus = corpora(root, scale);
    const answers = asked.flatMap((question) => answer(question, root, scale, corpus));
    if (values.out)
      writeFileSync(values.out, `${JSON.stringify(report(scale, answers), null, 2)}\n`);
    return 0;
  } finally {
    // Only now: creating files right after deleting many is slow on ext4 and would be measured.
    rmSync(root, { recursive: true, force: true });
  }
}

/** Generates each corpus once, at its first use. */
function corpora(root: string, scale: Scale): Bench["corpus"] {
  const made = new Map<string, Corpus>();
  return (name) => {
    const corpus = made.get(name) ?? CORPORA[name](join(root, "corpus", name), scale);
    made.set(name, corpus);
    return corpus;
  };
}

function answer(question: Question, root: string, scale: Scale, corpus: Bench["corpus"]): Answer[] {
  const scratch = join(root, question.name);
  mkdirSync(scratch);
  const notes: string[] = [];
  const bench: Bench = {
    scale,
    scratch,
    corpus,
    note: (line) => {
      console.log(`- ${line}`);
      notes.push(line);
    },
  };
  return Array.from(question.rounds(bench), (round) => {
    const runs = scale === "full" ? (round.runs ?? 5) : 1;
    const warmUps = scale === "full" ? 1 : 0;
    const measurements = compare(round.contenders, {
      runs,
      warmUps,
      scratch,
      reads: round.reads,
    });
    round.check?.();
    console.log(table(round, measurements));
    const details = round.details?.();
    if (details) console.log(`${markdown(details.head, details.rows)}\n`);
    const { title, bytes } = round;
    return {
      question: question.name,
      title,
      measurements,
      notes: notes.splice(0),
      ...(bytes !== undefined && { bytes }),
      ...(details && { details }),
    };
  });
}

/** The lines before the tables: what was measured where. */
function environment(scale: Scale): string {
  const cpu = cpus()[0]?.model.trim() ?? "unknown CPU";
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const lines = [
    `Node ${process.version}, ${type()} ${release()}, ${availableParallelism()} x ${cpu}, ${memory}, files in ${tmpdir()}`,
  ];
  if (scale === "smoke") lines.push("Smoke run: tiny corpora, one run each. These are no figures.");
  if (!hasGnuTime())
    lines.push("absent: GNU time (/usr/bin/time); CPU seconds and memory are left out");
  return `${lines.join("\n")}\n`;
}

function report(scale: Scale, answers: readonly Answer[]): object {
  const machine = {
    cpu: cpus()[0]?.model,
    cpus: availableParallelism(),
    os: `${type()} ${release()}`,
  };
  return { schemaVersion: 1, scale, node: process.version, machine, answers };
}
