import { dirname } from "node:path";
import { type Claim, outline, type PackRecord, type Rechecks, removeStore, type Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { OutputDifference } from "../difference.ts";
import {
  type ContractLike,
  type IdentifyOptions,
  identifyLoaded,
  type LoadedContract,
  loadContract,
} from "../identify.ts";
import type { Sink } from "../run/child.ts";
import { Circuit } from "../run/circuit.ts";
import { ClearedPlaces } from "../run/cleared.ts";
import { commandOf, expandCommand, runCommand } from "../run/command.ts";
import { factsOf, withChild } from "../run/failure.ts";
import { type FoundResult, findLocal, findRemote } from "../run/find-result.ts";
import { InputWatch } from "../run/input-watch.ts";
import { collectOutputs, type OutputPlace, outputPlaces } from "../run/outputs.ts";
import { singleFlight } from "../run/single-flight.ts";
import type { Session } from "../session.ts";
import { type Work, workOf } from "../work.ts";
import { compare } from "./compare.ts";
import { folderContents, storedContents } from "./contents.ts";
import { type RecheckPlaces, recheckPlaces } from "./places.ts";

/** What a person may want to hear while they wait. */
export type RecheckEvent =
  /** Another process computes the same: its turn comes first. */
  | { readonly kind: "waiting"; readonly uri: CtxUri; readonly pid: number }
  | { readonly kind: "run"; readonly run: RecheckRun };

export interface RecheckOptions extends IdentifyOptions {
  /** A file's path or a value. */
  readonly contract: ContractLike;
  /** Program and arguments, with placeholders; not given when the contract has a `command`. */
  readonly command?: readonly string[] | undefined;
  /** How often it is run; 1 unless said. */
  readonly times?: number | undefined;
  /** Takes what the command prints. */
  readonly stdout?: Sink | undefined;
  readonly stderr?: Sink | undefined;
  /** How long each run may take, in ms. */
  readonly timeoutMs?: number | undefined;
  readonly onEvent?: ((event: RecheckEvent) => void) | undefined;
}

/** What one run made, against the stored output. */
export interface RecheckRun {
  readonly same: boolean;
  /** Of what it made. */
  readonly tree: Digest;
  readonly durationMs: number;
  /** How many paths differ. */
  readonly differences: number;
  /** The first of them. */
  readonly outputs: readonly OutputDifference[];
}

export interface RecheckResult {
  readonly uri: CtxUri;
  /** Where the output came from that it was compared with: `store`, or a pantry's address. */
  readonly source: string;
  /** Of that output. */
  readonly tree: Digest;
  readonly runs: readonly RecheckRun[];
  /** All that is known, with earlier ones; absent when the pack was removed or replaced meanwhile. */
  readonly known?: Rechecks;
}

/**
 * Runs the command of a contract again and compares what it makes with the stored output, which stays as it is, as do
 * the user's outputs. Throws CTXPACK_E_NOT_FOUND when there is nothing to compare with, and what `run` throws of a
 * command that fails.
 */
export async function recheck(session: Session, options: RecheckOptions): Promise<RecheckResult> {
  const work = workOf(options);
  const times = options.times ?? 1;
  if (!Number.isSafeInteger(times) || times < 1) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${times} is no number of times`, {
      hint: "write a whole number from 1 on",
    });
  }
  const loaded = await loadContract(session, options.contract, work);
  const command = commandOf(loaded, options.command ?? []);
  const outputs = outputPlaces(session, loaded);
  const watch = new InputWatch();
  const { uri } = await identifyLoaded(session, loaded, {
    ...work,
    statCache: options.statCache,
    observe: (known) => watch.observe(known),
  });
  const { store, record, source } = await findStored(session, uri, work);
  using _lease = store.lease(uri);
  const claim = await takeTurn(store, uri, options, work);
  const rechecker = new Rechecker(session, { loaded, command, outputs, watch, store, record, claim });
  const runs: RecheckRun[] = [];
  let known: Rechecks | undefined;
  try {
    for (let at = 0; at < times; at++) {
      const run = await rechecker.once(options, work);
      runs.push(run);
      // One by one: an interruption takes nothing away that is known.
      known = await store.noteRechecks(noteOf(record, run), work);
      options.onEvent?.({ kind: "run", run });
    }
  } finally {
    await claim.release().catch(() => {});
  }
  return { uri, source, tree: record.tree, runs, ...(known && { known }) };
}

/** The output to compare with: the store's, else that of a pantry that is believed. */
async function findStored(session: Session, uri: CtxUri, work: Work): Promise<FoundResult> {
  const local = await findLocal(session, uri, work.signal);
  if (local) return local;
  const search = { circuit: new Circuit(session, false), into: session, onUntrusted: undefined };
  const found = await findRemote(session, uri, search, work);
  if ("record" in found) return found;
  const looked = found.map(({ where, reason }) => `; ${where}: ${reason}`).join("");
  throw new CtxPackError(
    "CTXPACK_E_NOT_FOUND",
    `there is no output of ${uri} to compare with: not in the store${looked}`,
    { hint: "ctxpack run computes it, ctxpack pull gets it from a pantry", details: { uri } },
  );
}

/** One process of a store computes a URI at a time; what a killed one has left is ended first. */
async function takeTurn(
  store: Store,
  uri: CtxUri,
  { onEvent }: RecheckOptions,
  { signal }: Work,
): Promise<Claim> {
  const flight = await singleFlight<never>(store, uri, {
    look: async () => undefined,
    onWaiting: (pid) => onEvent?.({ kind: "waiting", uri, pid }),
    signal,
  });
  if ("claim" in flight) return flight.claim;
  throw new RangeError("nothing was looked for");
}

function noteOf({ uri, tree }: PackRecord, run: RecheckRun): Rechecks {
  const { same, differences, outputs } = run;
  return {
    uri,
    tree,
    runs: 1,
    different: same ? 0 : 1,
    lastAt: new Date().toISOString(),
    ...(!same && { last: { differences, paths: outputs } }),
  };
}

/** What all runs have in common. */
interface Facts {
  readonly loaded: LoadedContract;
  readonly command: readonly string[];
  readonly outputs: readonly OutputPlace[];
  readonly watch: InputWatch;
  readonly store: Store;
  /** Of the output to compare with. */
  readonly record: PackRecord;
  readonly claim: Claim;
}

/** Runs a command again, and again. */
class Rechecker {
  readonly #session: Session;
  readonly #facts: Facts;

  constructor(session: Session, facts: Facts) {
    this.#session = session;
    this.#facts = facts;
  }

  /** One run. */
  async once(options: RecheckOptions, work: Work): Promise<RecheckRun> {
    const { loaded, command, outputs, store } = this.#facts;
    using scratch = store.scratch();
    const { baseDir } = loaded;
    const places = recheckPlaces(command, outputs, { baseDir, folder: scratch.path });
    const argv = await expandCommand(this.#session, loaded, command, places.named, work);
    const cleared = await ClearedPlaces.of(store, places.fixed);
    for (const { from } of cleared.displaced) {
      this.#session.warn(
        `${from} is moved away while the command runs, and put back: with {out} in the command it would stay`,
      );
    }
    let isCompared = false;
    try {
      const run = await this.#run(argv, places, options, work);
      isCompared = true;
      return run;
    } finally {
      for (const { path } of await cleared.putBack()) {
        if (isCompared) removeStore(dirname(path));
        else this.#session.warn(`what the command wrote is kept for a day: ${path}`);
      }
    }
  }

  async #run(
    argv: readonly string[],
    { places }: RecheckPlaces,
    options: RecheckOptions,
    work: Work,
  ): Promise<RecheckRun> {
    const { loaded, watch, store, claim } = this.#facts;
    const { stdout = () => {}, stderr = () => {}, timeoutMs } = options;
    const running = {
      argv,
      stdout,
      stderr,
      timeoutMs,
      onStart: (group: Parameters<Claim["record"]>[0]) => claim.record(group),
    };
    const child = factsOf(await runCommand(this.#session, loaded, running, work));
    try {
      using layout = await collectOutputs(store, places);
      await watch.requireUnchanged(this.#session, loaded, work.signal);
      return { ...(await this.#compare(layout.root, work)), durationMs: child.durationMs };
    } catch (error) {
      throw withChild(error, child);
    }
  }

  async #compare(root: string, work: Work): Promise<Omit<RecheckRun, "durationMs">> {
    const { store, record } = this.#facts;
    const { uri, tree } = record;
    const made = await outline(root, work);
    if (made.tree === tree) return { same: true, tree, differences: 0, outputs: [] };
    const stored = await store.index(uri, work);
    const { count, paths } = await compare(
      { index: stored, contents: storedContents(store, uri, stored) },
      { index: made, contents: folderContents(root) },
      work.signal,
    );
    return { same: false, tree: made.tree, differences: count, outputs: paths };
  }
}
