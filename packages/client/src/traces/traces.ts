import { resolve } from "node:path";
import type {
  DiffRunsOptions,
  ForkPlace,
  LoggedRun,
  ReplayReport,
  Run,
  RunDiff,
} from "@ctxpack/trace";
import type { Session } from "../session.ts";
import { type WorkOptions, workOf } from "../work.ts";
import { storedRuns } from "./list.ts";
import { openRun, type TraceSources } from "./open-run.ts";
import { type LogInput, type PackedLog, type PackLogOptions, packLog } from "./pack-log.ts";
import { type PackedTrace, packParts } from "./pack-run.ts";
import {
  type RecordCommandOptions,
  type RecordedCommand,
  recordCommand,
} from "./record-command.ts";
import { type ReplayTraceOptions, replayTrace } from "./replay.ts";
import {
  type VerifiedArtifact,
  type VerifyArtifactOptions,
  verifyArtifact,
} from "./verify-artifact.ts";

export interface OpenTraceOptions extends WorkOptions, TraceSources {}

export interface DiffTracesOptions
  extends WorkOptions,
    TraceSources,
    Pick<DiffRunsOptions, "ignore" | "maxEntries"> {}

export interface FinalizeTraceOptions extends WorkOptions {
  /** A label for people; that of the fork when absent. */
  readonly name?: string | undefined;
}

/**
 * Recorded runs of agents, as packs of the store. `subject` is what it is elsewhere, and the earlier tool's id of a run
 * that was imported from it.
 */
export class Traces {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Packs every run of a log: a file, bytes, or the folder `.ctx` of the earlier tool. The same log gives the same URIs.
   * Throws CTXPACK_E_TRACE for what is no log of a known format or breaks its rules.
   */
  pack(log: LogInput, options: PackLogOptions = {}): AsyncGenerator<PackedLog> {
    return packLog(this.#session, log, options);
  }

  /** A run: its head, its steps one after the other, its contents. One that is not in the store is pulled. */
  async open(subject: string, options: OpenTraceOptions = {}): Promise<Run> {
    return await openRun(this.#session, subject, options, workOf(options));
  }

  /** The runs in the store, in no order. */
  list(options: WorkOptions = {}): AsyncIterable<LoggedRun> {
    return storedRuns(this.#session, workOf(options));
  }

  /** What differs between two runs, and why. Throws CTXPACK_E_USAGE for what is no ignore rule. */
  async diff(a: string, b: string, options: DiffTracesOptions = {}): Promise<RunDiff> {
    const { diffRuns } = await import("@ctxpack/trace");
    const [left, right] = [await this.open(a, options), await this.open(b, options)];
    const { ignore, maxEntries, signal } = options;
    return await diffRuns(left, right, { ignore, maxEntries, signal });
  }

  /** The same as one HTML page that needs nothing else, in pieces. */
  async *diffPage(a: string, b: string, options: DiffTracesOptions = {}): AsyncGenerator<string> {
    const { diffPage } = await import("@ctxpack/trace");
    const [left, right] = [await this.open(a, options), await this.open(b, options)];
    const { ignore, maxEntries, signal } = options;
    yield* diffPage(left, right, { ignore, maxEntries, signal });
  }

  /** Checks a run, serves it as a tape to an agent, or executes its tools again. */
  async replay(subject: string, options: ReplayTraceOptions): Promise<ReplayReport> {
    return await replayTrace(this.#session, subject, options);
  }

  /** Which run of the store produced a file, and whether that run is whole and vouched for. */
  async verify(file: string, options: VerifyArtifactOptions = {}): Promise<VerifiedArtifact> {
    return await verifyArtifact(this.#session, file, options);
  }

  /**
   * Lays a run out as files to be edited, in a new folder; returns its path. Throws CTXPACK_E_CONFLICT when `folder` is
   * there already.
   */
  async fork(subject: string, place: ForkPlace, options: OpenTraceOptions = {}): Promise<string> {
    const { forkRun } = await import("@ctxpack/trace");
    const { cwd } = this.#session;
    const absolute =
      "folder" in place
        ? { folder: resolve(cwd, place.folder) }
        : { below: resolve(cwd, place.below) };
    return await forkRun(await this.open(subject, options), absolute, { signal: options.signal });
  }

  /** Packs a fork as it is now: a run whose parent is the one that was forked. */
  async finalize(folder: string, options: FinalizeTraceOptions = {}): Promise<PackedTrace> {
    const { finalizeFork } = await import("@ctxpack/trace");
    const work = workOf(options);
    const parts = finalizeFork(resolve(this.#session.cwd, folder), { signal: work.signal });
    return await packParts(this.#session, parts, { name: options.name }, work);
  }

  /** A run as an ATIF trajectory, in pieces of one JSON text. */
  async *export(subject: string, options: OpenTraceOptions = {}): AsyncGenerator<string> {
    const { exportAtif } = await import("@ctxpack/trace");
    const run = await this.open(subject, options);
    const { signal } = options;
    // Whether these are the run's steps is known after the last one, and what was handed out cannot be taken back.
    for await (const _ of run.steps({ signal })) signal?.throwIfAborted();
    yield* exportAtif(run, { signal });
  }

  /** Runs a command and packs what it says to models. */
  async record(
    argv: readonly string[],
    options: RecordCommandOptions = {},
  ): Promise<RecordedCommand> {
    return await recordCommand(this.#session, argv, options);
  }
}
