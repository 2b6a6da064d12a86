import type { PackRecord, RunLog } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { type ContractLike, type LoadedContract, loadContract } from "../load-contract.ts";
import type { PushResult } from "../push.ts";
import type { Session } from "../session.ts";
import { type Work, workOf } from "../work.ts";
import { type AdHoc, adHocContract, saveContract } from "./ad-hoc.ts";
import { Capture } from "./capture.ts";
import type { ChildEnd, Sink } from "./child.ts";
import { ClearedPlaces } from "./cleared.ts";
import { commandOf, expandCommand, noCommand, runCommand } from "./command.ts";
import { type ChildFacts, factsOf } from "./failure.ts";
import { getOrMake, type Made, type Maker } from "./get.ts";
import type { ProcessGroup } from "./group.ts";
import type { GetOptions } from "./options.ts";
import { collectOutputs, type OutputPlace, outputPlaces, placeOutputs } from "./outputs.ts";

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
  if (given === undefined) {
    if (command.length === 0) throw noCommand();
    const parsed = adHocContract(adHoc ?? {}, command, session.cwd);
    return { loaded: { parsed, baseDir: session.cwd }, command };
  }
  if (adHoc !== undefined || save !== undefined) {
    throw new CtxPackError("CTXPACK_E_USAGE", "a contract is given, and flags that would be one", {
      hint: "put them into the contract, or leave it out",
    });
  }
  const loaded = await loadContract(session, given, work);
  return { loaded, command: commandOf(loaded, command) };
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

  async make({ store, claim, watch, work }: Parameters<Maker<void>["make"]>[0]): Promise<Made> {
    const { loaded } = this;
    const argv = await expandCommand(this.#session, loaded, this.#command, this.#places, work);
    await watch.requireSamePacks(this.#session, loaded, work.signal);
    // The trash is the user's, whatever store takes the result.
    const cleared = await ClearedPlaces.of(await this.#session.store(work.signal), this.#places);
    const [stdout, stderr] = [new Capture(), new Capture()];
    const startedAt = new Date().toISOString();
    let end: ChildEnd;
    try {
      const running = {
        argv,
        stdout: both(stdout, this.#options.stdout),
        stderr: both(stderr, this.#options.stderr),
        timeoutMs: this.#options.timeoutMs,
        onStart: (group: ProcessGroup) => claim?.record(group),
      };
      end = await runCommand(this.#session, loaded, running, work);
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
}

/** Writes what a command prints to its log, and to whoever listens. */
function both(capture: Capture, sink: Sink | undefined): Sink {
  return (chunk) => {
    capture.take(chunk);
    return sink?.(chunk);
  };
}
