import { configBytes, parseConfig } from "../pack-config.ts";
import { lookUpTag, openPantry, type Pantry, type pantriesFor } from "../pantry.ts";
import { acceptFound } from "../remote-pack.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { factsOf, type SearchHit } from "./facts.ts";
import { isNoPack } from "./is-no-pack.ts";
import { matches, type SearchQuery, tagPattern } from "./query.ts";

/** Packs looked at in one pantry: each costs a manifest, its proofs and a config. */
const MOST_PACKS = 64;

/** Tags listed in one pantry: what comes after them is not known. */
const MOST_TAGS = 20_000;

const PACK_TAG = /^ctx-[0-9a-f]{64}$/;
/** Packs that others have taken the place of, and lists of referrers. */
const NO_CANDIDATE = /^ctx-[0-9a-f]{64}-[0-9a-f]{12}$|^sha256-/;

/** Packs of one pantry that match: those with a name of people first, each once. */
export async function* searchPantry(
  session: Session,
  given: ReturnType<typeof pantriesFor>[number],
  query: SearchQuery,
  { signal }: Work,
): AsyncGenerator<SearchHit> {
  const pantry = await openPantry(session, given, signal);
  const seen = new Set<string>();
  for (const tag of await candidates(pantry, query.tag, signal)) {
    const hit = await packAt(session, pantry, tag, signal);
    if (hit === undefined || seen.has(hit.uri) || !matches(query, hit)) continue;
    seen.add(hit.uri);
    yield hit;
  }
}

async function candidates(
  pantry: Pantry,
  pattern: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const isSought = pattern === undefined ? undefined : tagPattern(pattern);
  const named: string[] = [];
  const packs: string[] = [];
  let seen = 0;
  for await (const tag of pantry.target.tags({ signal })) {
    if (seen++ === MOST_TAGS) break;
    if (NO_CANDIDATE.test(tag)) continue;
    if (!PACK_TAG.test(tag)) {
      if (isSought?.(tag) ?? true) named.push(tag);
    } else if (isSought === undefined) packs.push(tag);
  }
  // In a folder the last ones are the newest.
  return [...named, ...packs.reverse()].slice(0, MOST_PACKS);
}

/** A tag may lead to anything: what is no pack of ours, or is refused, is not found. */
async function packAt(
  session: Session,
  pantry: Pantry,
  tag: string,
  signal: AbortSignal,
): Promise<SearchHit | undefined> {
  try {
    const found = await lookUpTag(pantry, tag, signal);
    const accepted = await acceptFound(session, found, signal);
    const bytes = await configBytes(found.source, found.manifest, signal);
    accepted?.config?.(bytes);
    const { kind, files, bytes: size } = found.manifest;
    return {
      uri: found.uri,
      where: pantry.address,
      ...(!PACK_TAG.test(tag) && { tag }),
      ...factsOf(await parseConfig(kind, bytes), undefined),
      files,
      bytes: size,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!isNoPack(error)) throw error;
    return undefined;
  }
}
