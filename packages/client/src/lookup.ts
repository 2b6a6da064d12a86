import type { CtxUri, Resolution } from "@ctxpack/identity";
import { CtxPackError } from "@ctxpack/identity";
import { identify } from "./identify.ts";
import type { ContractLike } from "./load-contract.ts";
import { lookUp, openPantry } from "./pantry.ts";
import { acceptFound } from "./remote-pack.ts";
import type { IdentifyOptions } from "./resolve.ts";
import type { Session } from "./session.ts";
import { type Work, workOf } from "./work.ts";

/** Why a place cannot answer for a contract. */
export interface Miss {
  /** `store`, or a pantry's address. */
  readonly where: string;
  readonly reason: string;
}

const [NOT_THERE, NEVER_SEEN, PARTIAL] = ["not there", "never seen", "only a part of it is here"];

/** Whether the place just does not have the pack: it was asked, and nobody was refused. */
export function isPlain({ reason }: Miss): boolean {
  return [NOT_THERE, NEVER_SEEN, PARTIAL].includes(reason);
}

/** What is known of a contract's result before anything is computed. */
export type Lookup = {
  readonly uri: CtxUri;
  readonly resolution: Resolution;
  /** The places looked in before, and why they did not have it. */
  readonly misses: readonly Miss[];
} & ({ readonly hit: true; readonly where: string } | { readonly hit: false });

/**
 * Looks for the result of a contract in the store, then in each configured pantry, in order. A pack of a
 * pantry counts only if a policy accepts it or the pantry is a directory of the same user.
 */
export async function lookUpContract(
  session: Session,
  contract: ContractLike,
  options: IdentifyOptions,
): Promise<Lookup> {
  const resolution = await identify(session, contract, options);
  return await lookUpResolved(session, resolution, workOf(options));
}

/** `lookUpContract` for a contract that was resolved. */
export async function lookUpResolved(
  session: Session,
  resolution: Resolution,
  work: Work,
): Promise<Lookup> {
  const { uri } = resolution;
  const misses: Miss[] = [];
  const store = await session.store(work.signal);
  const record = await store.get(uri);
  if (record && !record.partial) {
    const refusal = await session.gate?.judgeStored(store, record, work.signal);
    if (refusal === undefined) return { uri, resolution, misses, hit: true, where: "store" };
    misses.push({ where: "store", reason: refusal.message });
  } else {
    misses.push({ where: "store", reason: record ? PARTIAL : NEVER_SEEN });
  }
  const { pantries } = session.config;
  if (pantries.length > 0) await session.gate?.prepare(work.signal);
  for (const given of pantries) {
    const miss = await lookIn(session, given, resolution, work);
    if (miss.reason === "") return { uri, resolution, misses, hit: true, where: miss.where };
    misses.push(miss);
  }
  return { uri, resolution, misses, hit: false };
}

/** One pantry's answer; no reason means it has it. */
async function lookIn(
  session: Session,
  given: Session["config"]["pantries"][number],
  { uri, bytes }: Resolution,
  work: Work,
): Promise<Miss> {
  let where = given.address;
  try {
    const pantry = await openPantry(session, given, work.signal);
    where = pantry.address;
    const found = await lookUp(pantry, uri, work.signal);
    if (!found) return { where, reason: NOT_THERE };
    if (!session.gate && !pantry.trusted) return { where, reason: "no policy vouches for it" };
    const accepted = await acceptFound(session, found, work.signal);
    accepted?.config?.(bytes);
    return { where, reason: "" };
  } catch (error) {
    work.signal.throwIfAborted();
    // A pantry that is down or distrusted is a miss: the result can still be computed.
    if (!CtxPackError.isInstance(error)) throw error;
    return { where, reason: error.message };
  }
}
