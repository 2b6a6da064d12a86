import type { PackRecord } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { identify } from "./identify.ts";
import { explainTag, type FoundLegacy, findLegacy, readOnlyLegacy } from "./legacy/find.ts";
import { type FoundPack, lookUp, lookUpTag, openPantry, packTag, pantriesFor } from "./pantry.ts";
import type { Session } from "./session.ts";
import { parseSubject } from "./subject.ts";
import type { Work } from "./work.ts";

/** A pack, wherever it is. */
export type Location =
  | { readonly kind: "store"; readonly uri: CtxUri; readonly record: PackRecord }
  | { readonly kind: "pantry"; readonly uri: CtxUri; readonly found: FoundPack };

/** A pack of the first prototype: it can be read, and is good for nothing else. */
export interface LegacyLocation {
  readonly kind: "legacy";
  readonly uri: CtxUri;
  readonly found: FoundLegacy;
}

/**
 * The whole URI of what a person wrote: a URI, the first digits of one in the store, a contract file, or a tag
 * in a pantry (whose manifest comes along). Throws CTXPACK_E_REFERENCE, _NOT_FOUND, _AMBIGUOUS, and what
 * resolving a contract throws.
 */
export async function identifySubject(
  session: Session,
  text: string,
  work: Work,
): Promise<{ readonly uri: CtxUri; readonly found?: FoundPack }> {
  const { signal } = work;
  const subject = parseSubject(text);
  if (subject.kind === "uri") return { uri: subject.uri };
  if (subject.kind === "prefix") {
    return { uri: await (await session.store(signal)).find(subject.prefix) };
  }
  if (subject.kind === "contract") {
    return { uri: (await identify(session, subject.file, work)).uri };
  }
  const pantry = await openPantry(session, subject.target, signal);
  try {
    const found = await lookUpTag(pantry, subject.tag, signal);
    const { uri } = found;
    return { uri, found: subject.tag === packTag(uri) ? found : { ...found, name: subject.tag } };
  } catch (error) {
    throw await explainTag(pantry, subject.tag, error, signal);
  }
}

/** Where a pack is looked for. */
export interface Sources {
  /** This pantry, whatever the store has. */
  readonly from?: string | undefined;
  /** The store's pack also when no policy has accepted it: only to be described. */
  readonly unaccepted?: boolean | undefined;
  /** Only in pantries that are believed (DESIGN §8): by a policy, or because they are the user's own or marked. */
  readonly believed?: boolean | undefined;
}

/**
 * The store's pack if it is whole and accepted, else the first pantry's. Throws CTXPACK_E_NOT_FOUND, and
 * CTXPACK_E_UNSUPPORTED when there is only a v0 pack.
 */
export async function findPack(
  session: Session,
  text: string,
  options: Sources,
  work: Work,
): Promise<Location> {
  const location = await findReadable(session, text, options, work);
  if (location.kind === "legacy") throw readOnlyLegacy(location.found);
  return location;
}

/** As `findPack`; where nobody has the pack, a v0 pack of the same whole URI will do. */
export async function findReadable(
  session: Session,
  text: string,
  options: Sources,
  work: Work,
): Promise<Location | LegacyLocation> {
  const { uri, found } = await identifySubject(session, text, work);
  if (options.from === undefined) {
    const store = await session.store(work.signal);
    const record = await store.get(uri);
    // A tag names one output: the store's counts only if it is that one.
    const same = found === undefined || found.manifest.tree === record?.tree;
    if (record && !record.partial && same) {
      const counts =
        options.unaccepted ||
        (await session.gate?.judgeStored(store, record, work.signal, found)) === undefined;
      if (counts) return { kind: "store", uri, record };
    }
  }
  if (found) return { kind: "pantry", uri, found };
  const { from, believed } = options;
  return await searchPantries(session, { uri, from, believed, legacy: isWholeUri(text) }, work);
}

/** Whether a person wrote all 64 digits; the 12 of a v0 pack's tag are too few to ask for it by. */
export function isWholeUri(text: string): boolean {
  return parseSubject(text).kind === "uri";
}

/**
 * The pack in the first pantry that has it. A configured pantry that fails is passed over with a warning;
 * one the user named is not. Throws CTXPACK_E_NOT_FOUND saying where was looked, or what went wrong.
 */
export async function findInPantries(
  session: Session,
  uri: CtxUri,
  sources: Pick<Sources, "from" | "believed">,
  work: Work,
): Promise<FoundPack> {
  const location = await searchPantries(session, { uri, ...sources, legacy: false }, work);
  if (location.kind === "legacy") throw readOnlyLegacy(location.found);
  return location.found;
}

/** What is looked for in pantries. */
export interface Sought extends Pick<Sources, "from" | "believed"> {
  readonly uri: CtxUri;
  /** A v0 pack will do when no pantry has the pack. */
  readonly legacy: boolean;
}

/** As `findInPantries`, of v0 packs too. */
export async function searchPantries(
  session: Session,
  { uri, from, legacy, believed }: Sought,
  work: Work,
): Promise<(Location & { readonly kind: "pantry" }) | LegacyLocation> {
  const looked = from === undefined ? ["the store"] : [];
  let unbelieved: string | undefined;
  for await (const { address, found, trusted } of askPantries(session, uri, from, work)) {
    if (found && believed && !session.gate && !trusted) unbelieved ??= address;
    else if (found) return { kind: "pantry", uri, found };
    looked.push(address);
  }
  if (unbelieved !== undefined) throw notBelieved(uri, unbelieved);
  const found = legacy
    ? await findLegacy(session, uri, pantriesFor(session, from), work.signal)
    : undefined;
  if (found) return { kind: "legacy", uri, found };
  throw notFound(uri, looked);
}

/** One pantry's answer; without `found` it does not have the pack. */
export interface Answer {
  readonly address: string;
  readonly found: FoundPack | undefined;
  /** Its packs may be taken without a policy. */
  readonly trusted: boolean;
}

/** Asks the pantries in order. Those that failed are warned of; when none had the pack, the first failure is thrown. */
export async function* askPantries(
  session: Session,
  uri: CtxUri,
  from: string | undefined,
  { signal }: Work,
): AsyncGenerator<Answer> {
  let failure: CtxPackError | undefined;
  let had = false;
  for (const given of pantriesFor(session, from)) {
    let answer: Answer;
    try {
      const pantry = await openPantry(session, given, signal);
      const { address, trusted } = pantry;
      answer = { address, trusted, found: await lookUp(pantry, uri, signal) };
    } catch (error) {
      signal.throwIfAborted();
      if (from !== undefined || !CtxPackError.isInstance(error)) throw error;
      session.warn(`a pantry was passed over: ${error.message}`);
      // A directory that is not there has no packs, and nothing was pushed to it yet: a miss.
      if (error.code !== "CTXPACK_E_PATH_NOT_FOUND") failure ??= error;
      const address = typeof given === "string" ? given : given.address;
      answer = { address, trusted: false, found: undefined };
    }
    had ||= answer.found !== undefined;
    yield answer;
  }
  if (failure && !had) throw failure;
}

function notFound(uri: CtxUri, looked: readonly string[]): CtxPackError {
  return new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is not in ${looked.join(", nor in ")}`, {
    hint:
      looked.length > 1
        ? "whoever computed it has to push it first"
        : "name a pantry that has it with --from, or compute and seed it",
    details: { uri, looked },
  });
}

function notBelieved(uri: CtxUri, address: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_NOT_FOUND",
    `${uri} is in ${address} only, and nobody vouches for what is there`,
    {
      hint:
        `a policy may accept it; ctxpack remote add NAME ${address} --trust unsigned takes all that is there; ` +
        `ctxpack pull ${uri} --from ${address} takes this one`,
      details: { uri, pantry: address },
    },
  );
}

/** A URI may have several outputs, a store holds one: it must be the one that was found elsewhere. */
export function requireSameOutput(record: PackRecord, found: FoundPack): void {
  if (record.partial || found.manifest.tree === record.tree) return;
  throw new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `the store holds another output of ${record.uri} than ${found.address}`,
    {
      hint: "ctxpack rm takes the store's away; another CTXPACK_CACHE_DIR keeps both",
      details: { uri: record.uri, expected: found.manifest.tree, found: record.tree },
    },
  );
}
