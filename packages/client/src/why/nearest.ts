import { resolve } from "node:path";
import type { Labels, Sought } from "@ctxpack/cache";
import {
  type CtxUri,
  contractMembers,
  countDifferingMembers,
  type DirHash,
  isResolved,
  type Resolution,
  type ResolvedContract,
} from "@ctxpack/identity";
import type { LoadedContract } from "../load-contract.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import type { ListingOf } from "./explain.ts";
import { contractsIn } from "./pantry-contracts.ts";

/** A contract whose result is known somewhere. */
export interface Nearest {
  readonly uri: CtxUri;
  /** `store`, or a pantry's address. */
  readonly where: string;
  readonly contract: ResolvedContract;
  /** It has the name, or an output, of the contract it is near to. */
  readonly related: boolean;
  /** A label, when the store knows one. */
  readonly name?: string;
  /** The tag it was found by, in a pantry. */
  readonly tag?: string;
  /** ISO 8601, UTC: when its pack was made or came, in the store. */
  readonly createdAt?: string;
  /** Where the file lists of its inputs are. */
  readonly listing: ListingOf;
}

/** What a contract is called and where its results go: neither is identity. */
export function labelsOf({ parsed, baseDir }: LoadedContract): Labels {
  const { contract } = parsed;
  if (isResolved(contract)) return {};
  const { name, outputs } = contract;
  return {
    ...(name !== undefined && { name }),
    ...(outputs && { outputs: outputs.map(({ path }) => resolve(baseDir, path)) }),
  };
}

/** What is sought, and where. */
export interface NearestOptions {
  readonly labels: Labels;
  /** Only in this pantry. */
  readonly from?: string | undefined;
  /** Only the store's, and only one of the same name or with the same output. */
  readonly onlyRelated?: boolean | undefined;
  /** Only one of the same name, with the same output or with a tool in the same place: what differs in others is everything. */
  readonly onlyAlike?: boolean | undefined;
  /** Ask no pantry. */
  readonly onlyStore?: boolean | undefined;
  /** How long pantries may take, in ms; as long as the caller's signal lets them unless said. */
  readonly patienceMs?: number | undefined;
  /** Told of a pantry that could not be asked. */
  readonly onFailure: (address: string, error: Error) => void;
}

/**
 * The known contract that is nearest to one: the store's if it has the name or an output of it, else whichever of
 * the store's and the pantries' differs in fewest members. `undefined` when nobody knows one that has a member in
 * common with it.
 */
export async function findNearest(
  session: Session,
  { uri, resolved }: Resolution,
  options: NearestOptions,
  work: Work,
): Promise<Nearest | undefined> {
  const { labels, from, patienceMs, onlyAlike } = options;
  const sought = { uri, contract: resolved, labels, onlyAlike };
  const here = from === undefined ? await nearestHere(session, sought, work) : undefined;
  if (here?.related || options.onlyRelated) return here?.related ? here : undefined;
  if (options.onlyStore) return here;
  const own = contractMembers(resolved);
  let best = here;
  let least = here ? countDifferingMembers(own, contractMembers(here.contract)) : Infinity;
  const { signal } = work;
  const timely =
    patienceMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  try {
    for await (const there of contractsIn(
      session,
      { uri, ...options },
      { ...work, signal: timely },
    )) {
      if (onlyAlike && !isAlike(there.contract, resolved)) continue;
      const members = contractMembers(there.contract);
      const differing = countDifferingMembers(own, members);
      if (differing >= least || !hasCommon(own, members)) continue;
      best = there;
      least = differing;
    }
  } catch (error) {
    signal.throwIfAborted();
    // What came in time counts.
    if (!timely.aborted) throw error;
  }
  return best;
}

/** Whether a contract without a label in common is one that `onlyAlike` asks for. */
function isAlike({ transforms }: ResolvedContract, ours: ResolvedContract): boolean {
  return ours.transforms.some(({ tool }, at) => transforms[at]?.tool === tool);
}

function hasCommon(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  for (const [pointer, value] of a) if (b.get(pointer) === value) return true;
  return false;
}

async function nearestHere(
  session: Session,
  sought: Sought,
  { signal }: Work,
): Promise<Nearest | undefined> {
  const store = await session.store(signal);
  const near = await store.nearest(sought, { signal });
  if (near === undefined) return undefined;
  const { uri, name, createdAt } = near.record;
  return {
    uri,
    where: "store",
    contract: near.contract,
    related: near.related,
    ...(name !== undefined && { name }),
    createdAt,
    listing: (digest: DirHash) => store.listing(digest),
  };
}
