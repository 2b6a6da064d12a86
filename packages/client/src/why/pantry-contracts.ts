import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { configBytes, parseConfig } from "../pack-config.ts";
import { lookUpTag, openPantry, type Pantry, packTag, pantriesFor } from "../pantry.ts";
import { acceptFound } from "../remote-pack.ts";
import { isNoPack } from "../search/is-no-pack.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { attachedListings } from "./inputs.ts";
import type { Nearest, NearestOptions } from "./nearest.ts";

/** Manifests looked at in one pantry. */
const MOST_MANIFESTS = 16;

/** Tags listed in one pantry: what comes after them is not known. */
const MOST_TAGS = 20_000;

const PACK_TAG = /^ctx-[0-9a-f]{64}$/;
/** Packs that others have taken the place of, and lists of referrers. */
const NO_CANDIDATE = /^ctx-[0-9a-f]{64}-[0-9a-f]{12}$|^sha256-/;

/**
 * Contracts of packs in the pantries, at most 16 of each, with nothing fetched but tags, manifests and configs. The
 * policy is asked before a config is read; a pack that it refuses is passed over, as is one that cannot be read.
 */
export async function* contractsIn(
  session: Session,
  { uri, labels, from, onFailure }: NearestOptions & { readonly uri: CtxUri },
  work: Work,
): AsyncGenerator<Nearest> {
  const pantries = pantriesFor(session, from);
  // A mistake in a policy is no pantry's failure.
  if (pantries.length > 0) await session.gate?.prepare(work.signal);
  for (const given of pantries) {
    let found: Nearest[];
    try {
      const pantry = await openPantry(session, given, work.signal);
      const tags = await candidates(pantry, { uri, name: labels.name }, work);
      const asked = tags.map((tag) => contractAt(session, pantry, { tag, uri }, work));
      found = (await Promise.all(asked)).filter((one) => one !== undefined);
    } catch (error) {
      work.signal.throwIfAborted();
      if (from !== undefined || !CtxPackError.isInstance(error)) throw error;
      onFailure(typeof given === "string" ? given : given.address, error);
      continue;
    }
    yield* found;
  }
}

/** The tags worth a look: what people named like the contract, then other names, then packs by their URI. */
async function candidates(
  pantry: Pantry,
  { uri, name }: { readonly uri: CtxUri; readonly name: string | undefined },
  work: Work,
): Promise<string[]> {
  const named: string[] = [];
  const packs: string[] = [];
  let seen = 0;
  for await (const tag of pantry.target.tags({ signal: work.signal })) {
    if (seen++ === MOST_TAGS) break;
    if (tag === packTag(uri) || NO_CANDIDATE.test(tag)) continue;
    if (PACK_TAG.test(tag)) packs.push(tag);
    else named.push(tag);
  }
  const rank = (tag: string): number => (tag === name ? 0 : name && tag.includes(name) ? 1 : 2);
  named.sort((a, b) => rank(a) - rank(b));
  // In a folder the last ones are the newest.
  return [...named, ...packs.reverse()].slice(0, MOST_MANIFESTS);
}

async function contractAt(
  session: Session,
  pantry: Pantry,
  { tag, uri }: { readonly tag: string; readonly uri: CtxUri },
  { signal }: Work,
): Promise<Nearest | undefined> {
  try {
    const found = await lookUpTag(pantry, tag, signal);
    if (found.uri === uri) return undefined;
    const accepted = await acceptFound(session, found, signal);
    const bytes = await configBytes(found.source, found.manifest, signal);
    accepted?.config?.(bytes);
    const config = await parseConfig(found.manifest.kind, bytes);
    if (config.kind !== "contract") return undefined;
    return {
      uri: found.uri,
      where: pantry.address,
      contract: config.contract,
      related: false,
      ...(!PACK_TAG.test(tag) && { tag }),
      listing: attachedListings(pantry, found.descriptor, signal),
    };
  } catch (error) {
    signal.throwIfAborted();
    // A tag may lead to anything: what is no pack of ours, or is refused, is nobody's neighbour.
    if (!isNoPack(error)) throw error;
    return undefined;
  }
}
