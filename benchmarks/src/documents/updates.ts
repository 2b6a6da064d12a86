import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram, runProgram } from "../programs.ts";
import type { Bench, Details, Question, Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { type Folders, fetchBoth, UPDATES, type Update } from "./corpora.ts";
import type { StageReport } from "./pipeline.ts";
import { type Machine, type Step, StepRun } from "./step-run.ts";

/** What a real update of real documentation costs, from documents to an index. */
export const documents: Question = {
  name: "documents",
  about: "two Debian documentation updates from text to an index: what of each stage is reused",
  programs: ["docker-registry", "curl", "pdftotext"],
  *rounds(bench) {
    for (const update of UPDATES) {
      const missing = (PROGRAMS[update.kind] ?? []).filter((name) => !findProgram(name));
      if (missing.length > 0) {
        bench.note(`absent: ${missing.join(", ")}; ${update.title} is left out`);
        continue;
      }
      const folders = fetchBoth(bench, update);
      if (folders) yield* questions(bench, update, folders);
    }
  },
};

const PROGRAMS = { pdf: ["dpkg-deb", "pdftotext"], html: ["dpkg-deb"] } as const;

function* questions(bench: Bench, update: Update, folders: Folders): Iterable<Round> {
  const { kind, title } = update;
  const home = join(bench.scratch, `${kind}-work`);
  mkdirSync(home);
  const log = join(home, "access.log");
  const hasRegistry = findProgram("docker-registry") !== undefined && findProgram("curl");
  using server = hasRegistry
    ? new RegistryServer({ dir: join(home, "registry"), address: "127.0.0.1", log })
    : undefined;
  if (!server)
    bench.note(
      "absent: docker-registry or curl; a folder is the pantry, and nobody counts what is pulled",
    );
  const pantry = server ? `${server.host}/docs` : `oci:${join(home, "pantry")}`;
  const machine = (name: string): Machine => {
    const folder = join(home, name);
    return { folder, store: `${folder}-store`, pantry };
  };
  const [here, there, late] = [machine("here"), machine("there"), machine("late")];
  const alone = { ...machine("alone"), pantry: undefined };
  const { before, after } = folders;
  const steps: readonly Step[] = [
    { name: "first run, pushed", machine: here, documents: before, push: true },
    { name: "again", machine: here, documents: before, push: true },
    { name: "empty store, pantry has all of it", machine: there, documents: before },
    {
      name: "updated, empty store, pantry has the version before",
      machine: late,
      documents: after,
    },
    { name: "updated, pushed", machine: here, documents: after, push: true },
    {
      name: "updated, store has the version before, pantry has all of it",
      machine: there,
      documents: after,
    },
    { name: "updated, empty store, no pantry", machine: alone, documents: after },
  ];
  const around = { kind, home, log: server && log, settled: bench.scale === "full" };
  const runs = steps.map((step, number) => new StepRun(step, around, number));
  yield {
    title: `${title}: ${filesOf(before)} documents, then ${filesOf(after)}`,
    runs: 1,
    contenders: runs.map((run) => run.contender()),
    check: () => check(runs),
    details: () => detailsOf(runs),
  };
}

/** Everywhere the same index, and nothing was computed where nothing was to be. */
function check(runs: readonly StepRun[]): void {
  const [first, again, there, late, updated, follows, alone] = runs.map((run) => run.report());
  for (const stages of [again, there, follows]) {
    const idle = stages?.find(({ computed }) => computed > 0);
    if (idle) throw new Error(`${idle.name} computed ${idle.computed} items that were known`);
  }
  const uris = (stages: Stages = []): string => stages.map(({ uri }) => uri).join("\n");
  for (const same of [again, there]) expectEqual(uris(same), uris(first));
  for (const same of [late, updated, follows]) expectEqual(uris(same), uris(alone));
  const indexes = [3, 4, 5, 6].map((at) => join((runs[at] as StepRun).folder, "index"));
  const [one = "", ...others] = indexes;
  for (const other of others) runProgram("diff", ["-r", one, other]);
}

function expectEqual(found: string, expected: string): void {
  if (found !== expected) throw new Error(`these are the URIs:\n${found}\nand not:\n${expected}`);
}

type Stages = readonly StageReport[];

/** A row for each stage: what the update left to do there, and what went to and came from the pantry. */
function detailsOf(runs: readonly StepRun[]): Details {
  const [first = [], , there = [], late = [], updated = [], follows = []] = runs.map((run) =>
    run.report(),
  );
  const head = [
    ...["stage", "items", "after", "reused", "computed", "gone", "first s", "updated s"],
    ...["results MB", "pushed MB", "of"],
    ...["empty store, old pantry: reused", "computed", "pulled MB"],
    ...["store of before: pulled MB", "empty store: pulled MB"],
  ];
  const gone = (runs[4] as StepRun).gone();
  const rows = updated.map((stage, at) => [
    stage.name,
    count(first[at]?.items),
    count(stage.items),
    count(stage.reused),
    count(stage.computed),
    count(gone[at]),
    first[at]?.seconds.toFixed(2) ?? "–",
    stage.seconds.toFixed(2),
    megabytes(stage.bytes),
    megabytes(stage.pushed?.sent),
    megabytes(stage.pushed?.whole),
    count(late[at]?.reused),
    count(late[at]?.computed),
    megabytes(late[at]?.pulled),
    megabytes(follows[at]?.pulled),
    megabytes(there[at]?.pulled),
  ]);
  return { head, rows };
}

function filesOf(folder: string): string {
  const all = globSync("**", { cwd: folder, withFileTypes: true });
  return count(all.filter((one) => one.isFile()).length);
}

function count(value: number | undefined): string {
  return value === undefined ? "–" : value.toLocaleString("en");
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : (bytes / 1e6).toFixed(2);
}
