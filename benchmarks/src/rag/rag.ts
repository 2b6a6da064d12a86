import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Folders, fetchBoth, UPDATES } from "../documents/corpora.ts";
import type { StageReport } from "../documents/pipeline.ts";
import type { Kind, Settings } from "../documents/stages.ts";
import { type Machine, type Step, StepRun } from "../documents/step-run.ts";
import { findProgram, runProgram } from "../programs.ts";
import type { Bench, Details, Question, Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { smallCorpus } from "./small-corpus.ts";

/** 11,265 pieces of the manual make 50 MiB of such vectors. */
const SETTINGS: Settings = { chunkSize: 1000, dimensions: 1164 };
const SHORTER: Settings = { ...SETTINGS, chunkSize: 500 };

/** A manual as an index that can be searched: what is paid again, and where. */
export const rag: Question = {
  name: "rag",
  about:
    "a manual in PDF to 50 MB of vectors: cold, warm, another machine, one param, the manual's update",
  programs: ["docker-registry", "curl", "pdftotext"],
  *rounds(bench) {
    const { kind, title, folders } = corpusOf(bench);
    const home = join(bench.scratch, "work");
    mkdirSync(home);
    const log = join(home, "access.log");
    using server =
      findProgram("docker-registry") && findProgram("curl")
        ? new RegistryServer({ dir: join(home, "registry"), address: "127.0.0.1", log })
        : undefined;
    if (!server) bench.note("absent: docker-registry or curl; a folder is the pantry");
    const pantry = server ? `${server.host}/rag` : `oci:${join(home, "pantry")}`;
    const around = { kind, home, log: server && log, settled: bench.scale === "full" };
    const runs = stepsOf(home, pantry, folders).map(
      (step, number) => new StepRun(step, around, number),
    );
    yield roundOf(title, runs);
  },
};

interface Chosen {
  readonly kind: Kind;
  readonly title: string;
  readonly folders: Folders;
}

/** The manual, or what there is without it. */
function corpusOf(bench: Bench): Chosen {
  const own: Chosen = {
    kind: "html",
    title: "60 generated pages",
    folders: smallCorpus(bench.scratch),
  };
  // The manual takes minutes; that it is fetched and read is seen in `documents`.
  if (bench.scale === "smoke") return own;
  const manual = UPDATES.find(({ kind }) => kind === "pdf");
  const missing = ["dpkg-deb", "pdftotext", "apt-get"].filter((name) => !findProgram(name));
  if (missing.length > 0) bench.note(`absent: ${missing.join(", ")}; a corpus of our own is taken`);
  const folders = manual && missing.length === 0 ? fetchBoth(bench, manual) : undefined;
  if (manual && folders) return { kind: "pdf", title: manual.title, folders };
  return own;
}

function stepsOf(home: string, pantry: string, { before, after }: Folders): readonly Step[] {
  const machine = (name: string): Machine => {
    const folder = join(home, name);
    return { folder, store: `${folder}-store`, pantry };
  };
  const [here, there] = [machine("here"), machine("there")];
  const step = (name: string, at: Machine, documents: string, settings = SETTINGS): Step => {
    return { name: `\`ctxpack\` ${name}`, machine: at, documents, settings, push: at === here };
  };
  return [
    step("cold, pushed", here, before),
    step("warm", here, before),
    step("another machine, empty store", there, before),
    step("one param changed: pieces of 500", here, before, SHORTER),
    step("the update of the corpus", here, after),
    step("the update on another machine", there, after),
  ];
}

function roundOf(title: string, runs: readonly StepRun[]): Round {
  return {
    title: `${title}: extract, pages, chunk, embed, index`,
    runs: 1,
    contenders: runs.map((run) => run.contender()),
    check: () => check(runs),
    details: () => detailsOf(runs),
    figures: () =>
      runs.flatMap((run) => {
        const of = run.contender().name;
        const sent = sum(run.report(), ({ pushed }) => pushed?.sent);
        const computed = sum(run.report(), (stage) => stage.computed);
        return [
          { of, what: "items computed", unit: "count" as const, value: computed },
          { of, what: "sent", unit: "bytes" as const, value: sent },
        ];
      }),
  };
}

/** Nothing was computed where all was known, and all machines have the same index. */
function check(runs: readonly StepRun[]): void {
  const reports = runs.map((run) => run.report());
  for (const at of [1, 2, 5]) {
    const idle = reports[at]?.find(({ computed }) => computed > 0);
    if (idle) throw new Error(`${idle.name} computed ${idle.computed} items that were known`);
  }
  const uris = (at: number): string => (reports[at] ?? []).map(({ uri }) => uri).join("\n");
  for (const [one, other] of [
    [0, 1],
    [0, 2],
    [4, 5],
  ] as const) {
    if (uris(one) !== uris(other)) throw new Error(`runs ${one} and ${other} gave other URIs`);
  }
  const extract = reports[3]?.[0];
  if (extract?.computed !== 0) throw new Error("the length of pieces has a part in the text");
  const [here, there] = [runs[4] as StepRun, runs[5] as StepRun];
  runProgram("diff", ["-r", join(here.folder, "index"), join(there.folder, "index")]);
  if (statSync(join(here.folder, "index/vectors.f32")).size === 0) throw new Error("no vectors");
}

/** A row for each stage of each run. */
function detailsOf(runs: readonly StepRun[]): Details {
  const head = ["", "stage", "items", "reused", "computed", "s", "MB", "pushed MB", "pulled MB"];
  const rows = runs.flatMap((run) =>
    run
      .report()
      .map((stage) => [
        run.contender().name,
        stage.name,
        stage.items.toLocaleString("en"),
        stage.reused.toLocaleString("en"),
        stage.computed.toLocaleString("en"),
        stage.seconds.toFixed(2),
        megabytes(stage.bytes),
        megabytes(stage.pushed?.sent),
        megabytes(stage.pulled),
      ]),
  );
  return { head, rows };
}

function sum(
  stages: readonly StageReport[],
  pick: (stage: StageReport) => number | undefined,
): number {
  return stages.reduce((total, stage) => total + (pick(stage) ?? 0), 0);
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : (bytes / 1e6).toFixed(2);
}
