import type { Claim, PackRecord, Rechecks, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { identifyLoaded } from "../identify.ts";
import { type ContractLike, loadContract } from "../load-contract.ts";
import type { IdentifyOptions } from "../resolve.ts";
import { Circuit } from "../run/circuit.ts";
import { commandOf } from "../run/command.ts";
import { type FoundResult, findLocal, findRemote } from "../run/find-result.ts";
import { InputWatch } from "../run/input-watch.ts";
import { outputPlaces } from "../run/outputs.ts";
import { singleFlight } from "../run/single-flight.ts";
import type { Session } from "../session.ts";
import { type Work, workOf } from "../work.ts";
import { type RecheckRun, Rerun, type RerunOptions } from "./rerun.ts";

/** What a person may want to hear while they wait. */
export type RecheckEvent =
  /** Another process computes the same: its turn comes first. */
  | { readonly kind: "waiting"; readonly uri: CtxUri; readonly pid: number }
  | { readonly kind: "run"; readonly run: RecheckRun };

export interface RecheckOptions extends IdentifyOptions, RerunOptions {
  /** A file's path or a value. */
  readonly contract: ContractLike;
  /** Program and arguments, with placeholders; not given when the contract has a `command`. */
  readonly command?: readonly string[] | undefined;
  /** How often it is run; 1 unless said. */
  readonly times?: number | undefined;
  readonly onEvent?: ((event: RecheckEvent) => void) | undefined;
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
  const { uri, packs } = await identifyLoaded(session, loaded, {
    ...work,
    statCache: options.statCache,
    observe: (known) => watch.observe(known),
  });
  watch.expect(packs);
  const { store, source, ...found } = await findStored(session, uri, work);
  using _lease = store.lease(uri);
  const claim = await takeTurn(store, uri, options, work);
  // Whoever computed it meanwhile may have put another output there.
  const record = (await store.get(uri)) ?? found.record;
  const rerun = new Rerun(session, { loaded, command, outputs, watch, store, record, claim });
  const runs: RecheckRun[] = [];
  let known: Rechecks | undefined;
  try {
    for (let at = 0; at < times; at++) {
      const run = await rerun.once(options, work);
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
  if (local && "record" in local) return local;
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
