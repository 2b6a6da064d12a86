// All stages, one after the other, each a `ctxpack` of its own:  node pipeline.ts FOLDER REPORT KIND [--push] [--log FILE] [--chunk-size N] [--dimensions N]
//
// FOLDER holds `docs` and the tools. What each stage said goes to REPORT as JSON; with the access log of a registry also how
// many bytes the stage got from there.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ctxpackCommand } from "../programs.ts";
import { bytesServed } from "./access-log.ts";
import { DEFAULTS, DOCUMENTS, type Kind, type Stage, stagesOf } from "./stages.ts";

/** What became of one stage. */
export interface StageReport {
  readonly name: string;
  readonly uri: string;
  /** Files that were mapped; 1 for a stage that is one command. */
  readonly items: number;
  /** Of these, how many commands had nothing to do for. */
  readonly reused: number;
  readonly computed: number;
  /** Bytes of all results. */
  readonly bytes: number;
  /** Compressed bytes that a pantry was sent, and what the whole pack takes; absent when nothing was pushed. */
  readonly pushed?: { readonly sent: number; readonly whole: number };
  /** Bytes that the registry served. */
  readonly pulled?: number;
  readonly seconds: number;
}

/** The part of what `ctxpack run` and `map --json` print last that is read here. */
interface Said {
  readonly uri: string;
  readonly hit: boolean;
  readonly bytes: number;
  readonly counts?: { readonly total: number; readonly hit: number; readonly done: number };
  readonly pushed: { readonly bytes: { readonly sent: number; readonly existing: number } } | null;
}

interface Options {
  readonly folder: string;
  readonly push: boolean;
  readonly log: string | undefined;
}

function main(argv: readonly string[]): void {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      push: { type: "boolean", default: false },
      log: { type: "string" },
      "chunk-size": { type: "string", default: String(DEFAULTS.chunkSize) },
      dimensions: { type: "string", default: String(DEFAULTS.dimensions) },
    },
  });
  const [folder = "", report = "", kind = "html"] = positionals;
  const settings = {
    chunkSize: Number(values["chunk-size"]),
    dimensions: Number(values.dimensions),
  };
  const reports: StageReport[] = [];
  let input: Readonly<Record<string, string>> = { name: "in", path: DOCUMENTS };
  for (const stage of stagesOf(kind as Kind, settings)) {
    const done = runStage(stage, input, { folder, push: values.push, log: values.log });
    reports.push(done);
    // What counts is what the output holds, not what it was made from.
    input = { name: "in", pack: done.uri };
  }
  writeFileSync(report, JSON.stringify(reports));
}

function runStage(
  { name, command, contract, flags }: Stage,
  input: Readonly<Record<string, string>>,
  { folder, push, log }: Options,
): StageReport {
  const file = `${name}.json`;
  writeFileSync(join(folder, file), JSON.stringify({ name, inputs: [input], ...contract }));
  const before = log === undefined ? 0 : bytesServed(log);
  const started = performance.now();
  const said = ctxpack(folder, [
    ...[command, "--contract", file, "--json", ...flags],
    ...(command === "map" ? ["--in", "in"] : []),
    ...(push ? ["--push"] : []),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const { total, hit, done } = said.counts ?? {
    total: 1,
    hit: Number(said.hit),
    done: Number(!said.hit),
  };
  return {
    name,
    uri: said.uri,
    items: total,
    reused: hit,
    computed: done,
    bytes: said.bytes,
    ...(said.pushed && {
      pushed: {
        sent: said.pushed.bytes.sent,
        whole: said.pushed.bytes.sent + said.pushed.bytes.existing,
      },
    }),
    ...(log !== undefined && { pulled: bytesServed(log) - before }),
    seconds,
  };
}

/** The result is the last line. The Node.js that runs this is the one that the tools get. */
function ctxpack(cwd: string, args: readonly string[]): Said {
  const [node = "", ...rest] = ctxpackCommand();
  const PATH = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const { status, stdout, stderr } = spawnSync(node, [...rest, ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH },
    maxBuffer: 2 ** 28,
  });
  if (status !== 0)
    throw new Error(`ctxpack ${args.join(" ")}: exit ${status}\n${stderr}${stdout}`);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

/** What the stages of a run said. */
export function readReport(file: string): readonly StageReport[] {
  return JSON.parse(readFileSync(file, "utf8"));
}

if (import.meta.main) main(process.argv.slice(2));
