import type { CtxUri, Resolution } from "@ctxpack/identity";
import { askPantries } from "../find.ts";
import { identifyUsed } from "../identify-used.ts";
import { type ContractLike, loadContract } from "../load-contract.ts";
import { isPlain, lookUpResolved } from "../lookup.ts";
import type { IdentifyOptions } from "../resolve.ts";
import type { Session } from "../session.ts";
import { onlyContractIn } from "../status/contract-files.ts";
import { type Work, workOf } from "../work.ts";
import { explain, type WhyDifference } from "./explain.ts";
import { findNearest, type Nearest, type NearestOptions } from "./nearest.ts";

export interface WhyOptions extends IdentifyOptions {
  /** Look only in this pantry, whatever the store has. */
  readonly from?: string | undefined;
}

/** The known contract that another one was compared with. */
export interface NearestContract {
  readonly uri: CtxUri;
  /** `store`, or a pantry's address. */
  readonly where: string;
  readonly name?: string;
  /** The tag it was found by, in a pantry. */
  readonly tag?: string;
  /** ISO 8601, UTC: when its pack was made or came, in the store. */
  readonly createdAt?: string;
}

/** How a contract differs from the nearest one whose result is known. */
export interface Explanation {
  readonly nearest: NearestContract;
  /** From the nearest contract to this one, in the order of the canonical form. Never empty. */
  readonly differences: readonly WhyDifference[];
}

/** Whether there is a result for a contract; if not, why. */
export interface WhyResult {
  readonly uri: CtxUri;
  readonly hit: boolean;
  /** On a hit: `store`, or the address of the pantry that has it and is believed. */
  readonly where?: string;
  /** Absent on a hit, and when no contract is known that has anything in common with this one. */
  readonly explanation?: Explanation;
}

/**
 * Explains why there is no result for a contract: which known contract is nearest to it, and what differs. Says of a
 * variable only that it differs. Without a contract it is the one in the working directory. A configured pantry that fails is passed over with a warning.
 */
export async function why(
  session: Session,
  contract: ContractLike | undefined,
  options: WhyOptions,
): Promise<WhyResult> {
  const work = workOf(options);
  const { from } = options;
  const subject = contract ?? (await onlyContractIn(session.cwd));
  const loaded = await loadContract(session, subject, work);
  const { resolution, labels } = await identifyUsed(session, loaded, options);
  const { uri } = resolution;
  const where =
    from === undefined
      ? await whereBelieved(session, resolution, work)
      : await whereIs(session, uri, from, work);
  if (where !== undefined) return { uri, hit: true, where };
  const onFailure = (address: string, error: Error) =>
    session.warn(`${address} was passed over: ${error.message}`);
  const explanation = await explainMiss(session, resolution, { labels, from, onFailure }, work);
  return { uri, hit: false, ...(explanation && { explanation }) };
}

/** Compares a contract with the nearest one that is known; `undefined` when there is none. */
export async function explainMiss(
  session: Session,
  resolution: Resolution,
  options: NearestOptions,
  work: Work,
): Promise<Explanation | undefined> {
  const nearest = await findNearest(session, resolution, options, work);
  if (nearest === undefined) return undefined;
  const store = await session.store(work.signal);
  const after: Nearest["listing"] = (digest) => store.listing(digest);
  const before: Nearest["listing"] = async (digest) =>
    (await after(digest)) ?? (await nearest.listing(digest));
  const differences = await explain(nearest.contract, resolution.resolved, { before, after });
  work.signal.throwIfAborted();
  const { contract: _, related: __, listing: ___, ...described } = nearest;
  return { nearest: described, differences };
}

/** Where `run` would take the result from. What is there and is not believed, or could not be asked, is said. */
async function whereBelieved(
  session: Session,
  resolution: Resolution,
  work: Work,
): Promise<string | undefined> {
  const lookup = await lookUpResolved(session, resolution, work);
  if (lookup.hit) return lookup.where;
  for (const miss of lookup.misses) {
    if (!isPlain(miss)) session.warn(`${miss.where} was passed over: ${miss.reason}`);
  }
  return undefined;
}

/** The pantry that the user named, if it has the pack. */
async function whereIs(
  session: Session,
  uri: CtxUri,
  from: string,
  work: Work,
): Promise<string | undefined> {
  for await (const { address, found } of askPantries(session, uri, from, work)) {
    if (found) return address;
  }
  return undefined;
}
