import type { PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { admissionOf } from "../admission.ts";
import type { PantryConfig } from "../config.ts";
import type { Miss } from "../lookup.ts";
import { lookUp, openPantry } from "../pantry.ts";
import type { Session } from "../session.ts";
import { isRefusal } from "../trust/is-refusal.ts";
import { isRefusedHere } from "../trust/refused-here.ts";
import type { Work } from "../work.ts";
import type { Circuit } from "./circuit.ts";
import type { GetOptions } from "./options.ts";

/** A result that is there: in this store, wherever it came from. */
export interface FoundResult {
  readonly store: Store;
  readonly record: PackRecord;
  /** `store`, or the address of the pantry it came from just now. */
  readonly source: string;
}

/** Where is looked, and how. */
export interface Search {
  readonly circuit: Circuit;
  /** The session whose store takes what a pantry has. */
  readonly into: Session;
  readonly onUntrusted: GetOptions["onUntrusted"];
}

/** The result in the store, if it is there whole; a miss when a policy has not accepted it. */
export async function findLocal(
  session: Session,
  uri: CtxUri,
  signal: AbortSignal,
): Promise<FoundResult | Miss | undefined> {
  const store = await session.store(signal);
  const record = await store.get(uri);
  if (!record || record.partial) return undefined;
  const refusal = await session.gate?.judgeStored(store, record, signal);
  if (refusal !== undefined) return { where: "the store", reason: refusal.message };
  return { store, record, source: "store" };
}

/**
 * The result in the first pantry that has it and is believed, brought into the store; else why each did not give one.
 * Throws CTXPACK_E_POLICY for a result that the policy refuses.
 */
export async function findRemote(
  session: Session,
  uri: CtxUri,
  search: Search,
  work: Work,
): Promise<FoundResult | readonly Miss[]> {
  const misses: Miss[] = [];
  const { pantries } = session.config;
  if (pantries.length > 0) await session.gate?.prepare(work.signal);
  for (const given of pantries) {
    if (search.circuit.isOpen(given)) continue;
    try {
      const found = await fetchFrom(session, given, uri, search, work);
      if ("record" in found) return found;
      misses.push(found);
    } catch (error) {
      work.signal.throwIfAborted();
      misses.push({ where: given.address, reason: judge(given, error, search) });
    }
  }
  return misses;
}

/** What a pantry's failure comes to; throws what must not be passed over. */
function judge(given: PantryConfig, error: unknown, { circuit, onUntrusted }: Search): string {
  if (!CtxPackError.isInstance(error)) throw error;
  if (isRefusal(error)) {
    if (onUntrusted !== "miss") throw error;
    return error.message;
  }
  // A directory that is not there has no packs: nothing was pushed to it yet.
  if (error.code === "CTXPACK_E_PATH_NOT_FOUND") return "not there";
  return circuit.fail(given, error).message;
}

async function fetchFrom(
  session: Session,
  given: PantryConfig,
  uri: CtxUri,
  { into }: Search,
  work: Work,
): Promise<FoundResult | Miss> {
  const pantry = await openPantry(session, given, work.signal);
  const where = pantry.address;
  const found = await lookUp(pantry, uri, work.signal);
  if (!found) return { where, reason: "not there" };
  if (!session.gate && !pantry.trusted) return { where, reason: "no policy vouches for it" };
  const store = await into.store(work.signal);
  const replace = await isRefusedHere(session, store, uri, work.signal);
  const { record } = await store.admit(uri, { ...admissionOf(session, found, work), replace });
  return { store, record, source: where };
}
