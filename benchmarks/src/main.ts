import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ask, corpora } from "./ask.ts";
import { compareCommand } from "./compare/command.ts";
import { commit, machine, versions } from "./machine.ts";
import { hasGnuTime } from "./measure.ts";
import type { Question } from "./question.ts";
import { QUESTIONS } from "./questions.ts";
import { reportCommand } from "./report/command.ts";
import { type Answer, type Failure, type RunFile, writeRun } from "./run-file.ts";

const USAGE = `bench [--all] [--smoke] [--no-sleep] [--out FILE] [name…]
bench report RUN.json… [--to FOLDER]     writes BENCHMARKS.md and its pictures from runs
bench compare BEFORE.json AFTER.json     exits with 1 when something is slower than noise explains

${QUESTIONS.map(({ name, about, byName }) => `  ${name.padEnd(11)} ${about}${byName ? " (*)" : ""}`).join("\n")}

  --all       also those that are asked only by name (*)
  --smoke     all of them, tiny corpora, one run: shows that everything works, measures nothing
  --no-sleep  what stands for long work takes no time
  --out FILE  where the run is written as JSON; otherwise a new file in benchmarks/runs
`;

const RUNS = fileURLToPath(new URL("../runs", import.meta.url));

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      all: { type: "boolean", default: false },
      "no-sleep": { type: "boolean", default: false },
      smoke: { type: "boolean", default: false },
      out: { type: "string" },
      to: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [first, ...files] = positionals;
  if (first === "compare") return refusing(async () => compareCommand(files));
  if (first === "report") return refusing(() => reportCommand(files, values.to));
  const unknown = positionals.filter((name) => !QUESTIONS.some((one) => one.name === name));
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) console.error(`no such question: ${unknown.join(", ")}\n`);
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const asked = QUESTIONS.filter((question) =>
    positionals.length === 0
      ? values.all || values.smoke || !question.byName
      : positionals.includes(question.name),
  );
  return measure(asked, {
    scale: values.smoke ? "smoke" : "full",
    noSleep: values["no-sleep"] || values.smoke,
    out: values.out,
  });
}

/** A file that is no run is said in a line. */
async function refusing(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
}

interface MeasureOptions {
  readonly scale: RunFile["scale"];
  readonly noSleep: boolean;
  readonly out: string | undefined;
}

/** Asks questions one after the other; what was answered is written at once, and one that fails does not stop the rest. */
async function measure(
  asked: readonly Question[],
  { scale, noSleep, out }: MeasureOptions,
): Promise<number> {
  const answers: Answer[] = [];
  const failures: Failure[] = [];
  const about = {
    scale,
    slept: !noSleep,
    started: new Date().toISOString(),
    commit: commit(),
    machine: machine(),
    versions: versions(asked.flatMap(({ programs = [] }) => programs)),
  };
  const file = out ?? join(RUNS, `${about.started.replaceAll(/[:.]/g, "-")}.json`);
  console.log(describe(about));
  // Ctrl-C ends the child that is measured, which fails its question; everything made here is deleted. A signal that this process
  // alone was sent is heard after the table that is being measured.
  const heard: NodeJS.Signals[] = [];
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void heard.push(signal));
  }
  const root = mkdtempSync(join(tmpdir(), "ctxpack-bench-"));
  try {
    const corpus = corpora(root, scale);
    for (const question of asked) {
      if (heard.length > 0) break;
      try {
        for (const answer of ask(question, root, { scale, noSleep, corpus })) {
          answers.push(answer);
          writeRun(file, { ...about, answers, failures });
          // Everything here blocks; a signal that came meanwhile is heard now. Leaving the loop ends the question's servers.
          await setTimeout(1);
          if (heard.length > 0) throw new Error(`stopped by ${heard[0]}`);
        }
      } catch (error) {
        console.error(`${question.name} FAILED: ${(error as Error).stack}`);
        failures.push({ question: question.name, error: String((error as Error).message) });
      }
      writeRun(file, { ...about, answers, failures });
      // A question that failed says nothing above; a signal is heard here then.
      await setTimeout(1);
    }
  } finally {
    // Only now: see `giveBack`.
    rmSync(root, { recursive: true, force: true });
  }
  console.log(`all samples: ${file}`);
  const [signal] = heard;
  return signal ? 128 + constants.signals[signal] : failures.length > 0 ? 1 : 0;
}

/** The lines before the tables: what was measured where. */
function describe({ scale, machine: on }: Pick<RunFile, "scale" | "machine">): string {
  const lines = [
    `Node ${process.version}, ${on.os}, ${on.cpus} x ${on.cpu}, ${on.memoryGiB} GiB, files in ${tmpdir()} (${on.files})`,
  ];
  if (scale === "smoke") lines.push("Smoke run: tiny corpora, one run each. These are no figures.");
  if (!hasGnuTime())
    lines.push("absent: GNU time (/usr/bin/time); CPU seconds and memory are left out");
  return `${lines.join("\n")}\n`;
}
