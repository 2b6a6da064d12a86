import { cpSync, existsSync, globSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Contender } from "../measure.ts";
import { nodeCommand } from "../programs.ts";
import { settle } from "../settle.ts";
import { readReport, type StageReport } from "./pipeline.ts";
import { DOCUMENTS, type Kind, type Settings, stagesOf } from "./stages.ts";

const PIPELINE = fileURLToPath(new URL("./pipeline.ts", import.meta.url));
const TOOLS = fileURLToPath(new URL("./tools", import.meta.url));

/** A machine: a project, a store, and a pantry if it has one. */
export interface Machine {
  /** Documents, tools, contracts and results. */
  readonly folder: string;
  readonly store: string;
  readonly pantry: string | undefined;
}

/** All stages over some documents on a machine. */
export interface Step {
  readonly name: string;
  readonly machine: Machine;
  /** The folder that the machine's documents become a copy of. */
  readonly documents: string;
  readonly push?: boolean;
  readonly settings?: Settings;
}

/** What all steps share. */
export interface Surroundings {
  readonly kind: Kind;
  /** A folder of ours. */
  readonly home: string;
  /** The access log of the registry, if the pantry is one. */
  readonly log: string | undefined;
  /** Documents are old enough that their state stands for their content. */
  readonly settled: boolean;
}

/** A step as something that is timed once. */
export class StepRun {
  readonly #step: Step;
  readonly #around: Surroundings;
  readonly #report: string;
  /** The results of each stage before it ran. */
  #before: readonly ReadonlySet<string>[] = [];

  /** `number` is its own among all steps. */
  constructor(step: Step, around: Surroundings, number: number) {
    this.#step = step;
    this.#around = around;
    this.#report = join(around.home, `${number}.json`);
  }

  get folder(): string {
    return this.#step.machine.folder;
  }

  contender(): Contender {
    const { name, machine, push, settings } = this.#step;
    const { kind, log } = this.#around;
    const flags = [
      ...(push ? ["--push"] : []),
      ...(log === undefined ? [] : ["--log", log]),
      ...(settings
        ? [`--chunk-size=${settings.chunkSize}`, `--dimensions=${settings.dimensions}`]
        : []),
    ];
    return {
      name,
      ours: true,
      runs: 1,
      prepare: () => this.#prepare(),
      argv: () => [...nodeCommand(), PIPELINE, machine.folder, this.#report, kind, ...flags],
      env: () => ({ CTXPACK_CACHE_DIR: machine.store, XDG_CONFIG_HOME: this.#configHome() }),
    };
  }

  /** What each stage said. */
  report(): readonly StageReport[] {
    return readReport(this.#report);
  }

  /** How many results of each stage are not there any more. */
  gone(): readonly number[] {
    const now = this.#results();
    return this.#before.map((names, at) => [...names].filter((name) => !now[at]?.has(name)).length);
  }

  #prepare(): void {
    const docs = join(this.folder, DOCUMENTS);
    mkdirSync(this.folder, { recursive: true });
    // Kept aside: creating files right after deleting many is slow.
    if (existsSync(docs)) renameSync(docs, join(this.folder, `before-${basename(this.#report)}`));
    cpSync(TOOLS, this.folder, { recursive: true });
    cpSync(this.#step.documents, docs, { recursive: true });
    this.#before = this.#results();
    if (this.#around.settled) settle();
  }

  #results(): readonly ReadonlySet<string>[] {
    return stagesOf(this.#around.kind).map(({ folder }) => filesOf(join(this.folder, folder)));
  }

  /** Registries are believed because the user says so, and that is where a user says it. */
  #configHome(): string {
    const { pantry } = this.#step.machine;
    const home = join(this.#around.home, pantry === undefined ? "alone" : "config");
    const file = join(home, "ctxpack/config.json");
    if (pantry === undefined || existsSync(file)) return home;
    mkdirSync(join(home, "ctxpack"), { recursive: true });
    const trust = pantry.startsWith("oci:") ? {} : { trust: "unsigned" };
    writeFileSync(file, JSON.stringify({ pantries: [{ address: pantry, ...trust }] }));
    return home;
  }
}

function filesOf(folder: string): ReadonlySet<string> {
  const all = globSync("**", { cwd: folder, withFileTypes: true });
  return new Set(all.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name)));
}
