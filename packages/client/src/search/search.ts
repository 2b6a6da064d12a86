import type { PackRecord } from "@ctxpack/cache";
import { parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import { readConfig } from "../pack-config.ts";
import { pantriesFor } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { factsOf, type PackFacts, type SearchHit } from "./facts.ts";
import { searchPantry } from "./pantry.ts";
import { checkQuery, matches, type SearchQuery } from "./query.ts";

export interface SearchOptions extends WorkOptions {
  /** Look in this pantry, not in the store. */
  readonly from?: string | undefined;
}

/**
 * Packs of the store that match, the last used first; with `from` those of that pantry, and with a tag those of every
 * configured pantry. Policies are asked before a pack is told of. Of one pantry no more than 64 packs are looked at;
 * one that fails is warned of unless it was named. Throws CTXPACK_E_USAGE for an empty word, and what reading a policy
 * throws.
 */
export async function* search(
  session: Session,
  query: SearchQuery,
  options: SearchOptions,
): AsyncGenerator<SearchHit> {
  const work = workOf(options);
  checkQuery(query);
  if (options.from === undefined && query.tag === undefined) {
    yield* searchStore(session, query, work);
    return;
  }
  const pantries = pantriesFor(session, options.from);
  // A mistake in a policy is no pantry's failure.
  if (pantries.length > 0) await session.gate?.prepare(work.signal);
  for (const given of pantries) {
    try {
      yield* searchPantry(session, given, query, work);
    } catch (error) {
      work.signal.throwIfAborted();
      if (options.from !== undefined || !CtxPackError.isInstance(error)) throw error;
      session.warn(`a pantry was passed over: ${error.message}`);
    }
  }
}

async function* searchStore(
  session: Session,
  query: SearchQuery,
  work: Work,
): AsyncGenerator<SearchHit> {
  const { signal } = work;
  const store = await session.store(signal);
  const records: PackRecord[] = [];
  for await (const record of store.list({ signal })) {
    if (!record.partial && isOfKind(record, query)) records.push(record);
  }
  records.sort((a, b) => compare(b.usedAt, a.usedAt) || compare(a.uri, b.uri));
  for (const record of records) {
    const facts = await storedFacts(session, record, work);
    if (facts === undefined || !matches(query, facts)) continue;
    const refusal = await session.gate?.judgeStored(store, record, signal);
    if (refusal !== undefined) {
      session.warn(`${record.uri} is left out: ${refusal.message}`);
      continue;
    }
    const { uri, files, bytes, usedAt } = record;
    yield { uri, where: "store", ...facts, files, bytes, usedAt };
  }
}

function isOfKind(record: PackRecord, { kind }: SearchQuery): boolean {
  return kind === undefined || kind === (record.kind ?? "contract");
}

/** Nothing when what the store has of it is damaged: that is said, and others can still be found. */
async function storedFacts(
  session: Session,
  { uri, name }: PackRecord,
  { signal }: Work,
): Promise<PackFacts | undefined> {
  signal.throwIfAborted();
  try {
    const store = await session.store(signal);
    const manifest = parsePackManifest((await store.manifest(uri, { signal })).bytes);
    return factsOf(await readConfig(store.blobs, manifest, signal), name);
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    session.warn(`${uri} is left out: ${error.message}; ctxpack fsck says more`);
    return undefined;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
