import { resolve } from "node:path";
import type { AdmitResult, PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { admissionOf } from "./admission.ts";
import { isDamage } from "./damage.ts";
import {
  findInPantries,
  identifySubject,
  isWholeUri,
  requireSameOutput,
  searchPantries,
} from "./find.ts";
import type { LegacyPullResult } from "./legacy/pull.ts";
import type { FoundPack } from "./pantry.ts";
import { compileSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import { isRefusedHere } from "./trust/refused-here.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface PullOptions extends WorkOptions {
  /** The pantry; the configured ones in order when absent. */
  readonly from?: string | undefined;
  /** Only files that match one of these patterns. */
  readonly only?: readonly string[] | undefined;
  /** Copy the files into this folder, which must be new or empty. */
  readonly to?: string | undefined;
  /** Keep the pack in the store whatever happens. */
  readonly pin?: boolean | undefined;
  /** Read and hash every file of a pack that is in the store already. */
  readonly verify?: boolean | undefined;
}

export interface PullResult {
  readonly uri: CtxUri;
  /** The folder that holds the output. Read-only unless it was asked for with `to`. */
  readonly path: string;
  /** `store`, or the address of the pantry it came from. */
  readonly source: string;
  readonly record: PackRecord;
  readonly blobs: AdmitResult["blobs"];
  /** Compressed bytes. */
  readonly bytes: AdmitResult["bytes"];
  /** Who vouched for what was fetched: a policy accepted it, there is no policy, nothing was fetched. */
  readonly verified: "policy" | "no policy" | "nothing fetched";
}

type Filter = ((path: string) => boolean) | undefined;

const NOTHING_FETCHED = { fetched: 0, existing: 0 };

/** Gets a pack from the store, else from the first pantry that has it, and hands out its folder. */
export async function pull(
  session: Session,
  text: string,
  options: PullOptions,
): Promise<PullResult | LegacyPullResult> {
  return await pullFrom(session, text, options, false);
}

/**
 * Gets a pack that a command is to read, and gives its folder, absolute: as `pull`, but not from a pantry that is not
 * believed (DESIGN §8), nor a v0 pack.
 */
export async function pullBelieved(session: Session, uri: CtxUri, work: Work): Promise<string> {
  return resolve((await pullFrom(session, uri, work, true)).path);
}

async function pullFrom(
  session: Session,
  text: string,
  options: PullOptions,
  believed: boolean,
): Promise<PullResult | LegacyPullResult> {
  const work = workOf(options);
  const store = await session.store(work.signal);
  const { uri, found: tagged } = await identifySubject(session, text, work);
  const only = compileSelection(options.only);
  const select: Filter = only?.selects;
  let found = tagged;
  const refusal = await refusalOf(session, store, uri, work);
  if (!found && refusal !== undefined) {
    const legacy = isWholeUri(text) && !believed;
    const sought = { uri, from: options.from, believed, legacy };
    const location = await searchPantries(session, sought, work).catch((error: unknown) => {
      throw refusal instanceof Error && isNotFound(error) ? refusal : error;
    });
    if (location.kind === "legacy") {
      // Loads tar-stream, which nothing else here needs.
      const { pullLegacy } = await import("./legacy/pull.ts");
      return await pullLegacy(session, location.found, options, work);
    }
    found = location.found;
  }
  const wanted = { uri, found, select, from: options.from, believed };
  const fetched = await ensure(session, store, wanted, work);
  if (only) only.requireMatches(uri, (await store.index(uri, work)).entries());
  const handOut = () => handOutFolder(session, store, uri, select, options, work);
  let outcome = fetched;
  let path: string;
  try {
    path = await handOut();
  } catch (error) {
    // Somebody may have removed it since, also what was fetched just now; damage is only mended of what was here before.
    const isMendable = fetched.source === "store" && isDamage(error);
    if (!isMendable && !isNotFound(error)) throw error;
    outcome = await fetchAgain(session, store, wanted, error, work);
    path = await handOut();
  }
  if (options.pin) await store.pin(uri);
  const record = await store.get(uri);
  return { uri, path, ...outcome, record: record as PackRecord };
}

/** Why the store's pack cannot be handed out as it is; `undefined` when it can. */
async function refusalOf(
  session: Session,
  store: Store,
  uri: CtxUri,
  { signal }: Work,
): Promise<CtxPackError | "not whole" | undefined> {
  const record = await store.get(uri);
  if (record === undefined || record.partial) return "not whole";
  const cause = await session.gate?.judgeStored(store, record, signal);
  if (cause === undefined) return undefined;
  return new CtxPackError(cause.code, `the store's pack is not accepted: ${cause.message}`, {
    hint: "ctxpack policy explain says what would be; no pantry that was asked has the pack",
    cause,
    details: { uri },
  });
}

function isNotFound(error: unknown): error is CtxPackError {
  return CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND";
}

interface Wanted {
  readonly uri: CtxUri;
  /** The pack a tag led to, or the one to fetch. */
  readonly found: FoundPack | undefined;
  readonly select: Filter;
  readonly from: string | undefined;
  readonly believed: boolean;
}

type Outcome = Pick<PullResult, "source" | "blobs" | "bytes" | "verified">;

/** Sees to it that the store has what is wanted. */
async function ensure(
  session: Session,
  store: Store,
  wanted: Wanted,
  work: Work,
): Promise<Outcome> {
  const record = await store.get(wanted.uri);
  if (record && !record.partial && !(session.gate && wanted.found)) {
    if (wanted.found) requireSameOutput(record, wanted.found);
    return {
      source: "store",
      blobs: NOTHING_FETCHED,
      bytes: NOTHING_FETCHED,
      verified: "nothing fetched",
    };
  }
  return await fetchInto(session, store, wanted, work);
}

async function fetchInto(
  session: Session,
  store: Store,
  wanted: Wanted,
  work: Work,
): Promise<Outcome> {
  const found = wanted.found ?? (await findInPantries(session, wanted.uri, wanted, work));
  const { blobs, bytes } = await store.admit(wanted.uri, {
    ...admissionOf(session, found, work),
    ...((await isRefusedHere(session, store, wanted.uri, work.signal)) && { replace: true }),
    ...(wanted.select && { only: wanted.select }),
  });
  return {
    source: found.address,
    blobs,
    bytes,
    verified: session.gate ? "policy" : "no policy",
  };
}

/** A pack that is damaged or gone is fetched again where somebody has it; where nobody has, that is the error. */
async function fetchAgain(
  session: Session,
  store: Store,
  wanted: Wanted,
  refusal: CtxPackError,
  work: Work,
): Promise<Outcome> {
  session.warn(`${refusal.message}; fetching it again`);
  try {
    return await fetchInto(session, store, wanted, work);
  } catch (error) {
    work.signal.throwIfAborted();
    if (isNotFound(error)) throw refusal;
    throw error;
  }
}

async function handOutFolder(
  session: Session,
  store: Store,
  uri: CtxUri,
  select: Filter,
  options: PullOptions,
  work: Work,
): Promise<string> {
  const only = select && { only: select };
  if (options.to === undefined) {
    return await store.tree(uri, { ...only, ...(options.verify && { verify: true }), ...work });
  }
  const to = resolve(session.cwd, options.to);
  // A copy out hashes every byte it reads: there is nothing more to verify.
  await store.extract(uri, to, { ...only, ...work });
  return to;
}
