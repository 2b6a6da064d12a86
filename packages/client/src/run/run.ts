import { resolve } from "node:path";
import type { PackRecord, RunLog } from "@ctxpack/cache";
import { type Contract, CtxPackError, type CtxUri, isResolved } from "@ctxpack/identity";
import { type ContractLike, type LoadedContract, loadContract } from "../load-contract.ts";
import { pull } from "../pull.ts";
import type { PushResult } from "../push.ts";
import type { Session } from "../session.ts";
import { type Work, workOf } from "../work.ts";
import { type AdHoc, adHocContract, saveContract } from "./ad-hoc.ts";
import { Capture } from "./capture.ts";
import { type ChildEnd, runChild, type Sink } from "./child.ts";
import { ClearedPlaces } from "./cleared.ts";
import { childEnvironment } from "./environment.ts";
import { type ChildFacts, factsOf, failureOf, withChild } from "./failure.ts";
import { getOrMake, type Made, type Maker } from "./get.ts";
import type { GetOptions } from "./options.ts";
import { collectOutputs, type OutputPlace, outputPlaces, placeOutputs } from "./outputs.ts";
import { expandPlaceholders } from "./placeholders.ts";

export interface RunOptions extends GetOptions {
  /** The contract: a file's path or a value. Without it, `adHoc` is. */
  readonly contract?: ContractLike | undefined;
  /** A contract as flags; its paths count from the working directory. */
  readonly adHoc?: AdHoc | undefined;
  /** Write the contract that the flags are to this file. */
  readonly save?: string | undefined;
  /** Program and arguments, with placeholders; not given when the contract has a `command`. */
  readonly command?: readonly string[] | undefined;
  /** Takes what the command prints, beside the log. */
  readonly stdout?: Sink | undefined;
  readonly stderr?: Sink | undefined;
  /** How long the command may take, in ms. */
  readonly timeoutMs?: number | undefined;
}

export interface RunResult {
  readonly uri: CtxUri;
  /** Nothing was run. */
  readonly hit: boolean;
  /** `store`, `computed`, or the address of the pantry it came from. */
  readonly source: string;
  readonly record: PackRecord;
  /** Where the outputs stand; absolute. */
  readonly outputs: readonly string[];
  /** What stood there before, and is in the trash for a day: from where, to where. */
  readonly displaced: readonly { readonly from: string; readonly path: string }[];
  /** How the command ended that was run. */
  readonly child?: ChildFacts;
  /** What the command printed, and how long it took: of this run or, for a hit, of the one that made it here. */
  readonly log?: RunLog;
  readonly pushed?: PushResult;
  /** The pantry whose other output was taken in place of our own. */
  readonly kept?: string;
}

type Displacement = RunResult["displaced"][number];

/** Puts the result of a contract where its outputs are, and runs its command when nobody has it. */
export async function run(session: Session, options: RunOptions): Promise<RunResult> {
  const work = workOf(options);
  const { loaded, command } = await loadRun(session, options, work);
  const places = outputPlaces(session, loaded);
  const runner = new Runner(session, loaded, { options, command, places });
  const { placed: _, ...got } = await getOrMake(session, runner, options);
  return { ...got, outputs: places.map(({ path }) => path), displaced: runner.displaced };
}

interface Loaded {
  readonly loaded: LoadedContract;
  readonly command: readonly string[];
}

/** The contract, from a file, a value or flags, and the command that goes with it. */
async function loadRun(session: Session, options: RunOptions, work: Work): Promise<Loaded> {
  const { contract: given, adHoc, save, command = [] } = options;
  const none = new CtxPackError("CTXPACK_E_USAGE", "there is no command to run", {
    hint: "write it behind --, or under command in the contract",
  });
  if (given === undefined) {
    if (command.length === 0) throw none;
    const parsed = adHocContract(adHoc ?? {}, command, session.cwd);
    return { loaded: { parsed, baseDir: session.cwd }, command };
  }
  if (adHoc !== undefined || save !== undefined) {
    throw new CtxPackError("CTXPACK_E_USAGE", "a contract is given, and flags that would be one", {
      hint: "put them into the contract, or leave it out",
    });
  }
  const loaded = await loadContract(session, given, work);
  const own = loaded.parsed.contract.command;
  if (own !== undefined && command.length > 0) {
    throw new CtxPackError("CTXPACK_E_USAGE", "the contract has a command, and another is given", {
      hint: "leave the one behind -- out: the contract's is part of its URI",
    });
  }
  if (own === undefined && command.length === 0) throw none;
  return { loaded, command: own ?? command };
}

/** Makes outputs by running a command. */
class Runner implements Maker<void> {
  readonly loaded: LoadedContract;
  readonly displaced: Displacement[] = [];
  readonly #session: Session;
  readonly #options: RunOptions;
  readonly #command: readonly string[];
  readonly #places: readonly OutputPlace[];

  constructor(
    session: Session,
    loaded: LoadedContract,
    facts: {
      readonly options: RunOptions;
      readonly command: readonly string[];
      readonly places: readonly OutputPlace[];
    },
  ) {
    this.loaded = loaded;
    this.#session = session;
    this.#options = facts.options;
    this.#command = facts.command;
    this.#places = facts.places;
  }

  async resolved(): Promise<void> {
    const { save, signal } = this.#options;
    if (save === undefined) return;
    await saveContract(this.loaded.parsed, save, this.#session.cwd, workOf({ signal }));
  }

  async place(
    ...[store, uri, { signal }, isThere]: Parameters<Maker<void>["place"]>
  ): Promise<void> {
    if (isThere) return;
    for (const { from, path } of await placeOutputs(store, uri, this.#places, signal)) {
      this.displaced.push({ from, path });
    }
  }

  async make({ store, claim, work }: Parameters<Maker<void>["make"]>[0]): Promise<Made> {
    const argv = await this.#argv(work);
    // The trash is the user's, whatever store takes the result.
    const cleared = await ClearedPlaces.of(await this.#session.store(work.signal), this.#places);
    const [stdout, stderr] = [new Capture(), new Capture()];
    const startedAt = new Date().toISOString();
    let end: ChildEnd;
    try {
      end = await this.#run(argv, { stdout, stderr, claim, work });
    } catch (error) {
      for (const { path } of await cleared.putBack()) {
        this.#session.warn(`what the command wrote is no result, and kept for a day: ${path}`);
      }
      throw error;
    }
    const child = factsOf(end);
    for (const { from, path } of cleared.displaced) this.displaced.push({ from, path });
    return {
      child,
      collect: async () => await collectOutputs(store, this.#places),
      undo: async () => {
        await cleared.putBack();
        this.displaced.length = 0;
      },
      log: ({ uri, tree }) => ({
        uri,
        tree,
        command: argv,
        startedAt,
        durationMs: child.durationMs,
        stdout: stdout.stream(),
        stderr: stderr.stream(),
      }),
    };
  }

  /** Runs the command to a good end; throws for any other. */
  async #run(
    argv: readonly string[],
    job: {
      readonly stdout: Capture;
      readonly stderr: Capture;
      readonly claim: Parameters<Maker<void>["make"]>[0]["claim"];
      readonly work: Work;
    },
  ): Promise<ChildEnd> {
    const { signal } = job.work;
    const { contract } = this.loaded.parsed;
    const began = performance.now();
    try {
      const end = await runChild({
        argv,
        cwd: this.loaded.baseDir,
        env: childEnvironment(contract as Contract, this.#session.env),
        stdout: both(job.stdout, this.#options.stdout),
        stderr: both(job.stderr, this.#options.stderr),
        timeoutMs: this.#options.timeoutMs,
        signal,
        onStart: (group) => job.claim?.record(group),
      });
      const failure = failureOf(end, argv);
      if (failure) throw failure;
      signal.throwIfAborted();
      return end;
    } catch (error) {
      throw signal.aborted ? stopped(signal.reason, performance.now() - began) : error;
    }
  }

  async #argv(work: Work): Promise<readonly string[]> {
    const { contract } = this.loaded.parsed;
    const inputs = isResolved(contract) ? [] : (contract.inputs ?? []);
    return await expandPlaceholders(this.#command, {
      inputs: inputs.map(({ name }) => name),
      outputs: this.#places,
      input: async (name) => {
        const input = inputs.find((one) => one.name === name);
        if (input?.pack === undefined) return input?.path;
        return resolve((await pull(this.#session, input.pack, work)).path);
      },
    });
  }
}

/** Writes what a command prints to its log, and to whoever listens. */
function both(capture: Capture, sink: Sink | undefined): Sink {
  return (chunk) => {
    capture.take(chunk);
    return sink?.(chunk);
  };
}

/** A command that a limit on everything has ended ran out of time like any other. */
export function stopped(reason: unknown, ms: number): unknown {
  const { code, name, message } = (reason ?? {}) as Record<string, unknown>;
  if (code !== "CTXPACK_E_TIMEOUT" && name !== "TimeoutError") return reason;
  const error = new CtxPackError("CTXPACK_E_TIMEOUT", `the command was ended: ${message}`, {
    hint: "give a longer --timeout",
    cause: reason,
  });
  return withChild(error, { exitCode: 124, durationMs: Math.round(ms) });
}
