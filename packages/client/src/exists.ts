import type { CtxUri } from "@ctxpack/identity";
import { askPantries, identifySubject, isWholeUri } from "./find.ts";
import type { FromOptions } from "./inspect.ts";
import { findLegacy } from "./legacy/find.ts";
import { pantriesFor } from "./pantry.ts";
import type { Session } from "./session.ts";
import { workOf } from "./work.ts";

export interface ExistsResult {
  readonly uri: CtxUri;
  /** `store` and the addresses of pantries; empty when the pack is nowhere that was looked. */
  readonly where: readonly string[];
  /** Every place that was asked. */
  readonly looked: readonly string[];
  /** The pantry that has a v0 pack of this URI when nobody has the pack: it can be read, and is no hit. */
  readonly legacy?: string;
}

/** Says where a pack can be had. A pack that is in the store in part only does not count, nor does one that no policy has accepted. */
export async function exists(
  session: Session,
  text: string,
  options: FromOptions,
): Promise<ExistsResult> {
  const work = workOf(options);
  const { uri, found } = await identifySubject(session, text, work);
  const where = found ? [found.address] : [];
  const looked = [...where];
  if (options.from === undefined) {
    const store = await session.store(work.signal);
    const record = await store.get(uri);
    const isWhole = record !== undefined && !record.partial;
    if (isWhole && !(await session.gate?.judgeStored(store, record, work.signal))) {
      where.unshift("store");
    }
    looked.unshift("store");
  }
  try {
    for await (const answer of askPantries(session, uri, options.from, work)) {
      looked.push(answer.address);
      if (answer.found && !where.includes(answer.address)) where.push(answer.address);
    }
  } catch (error) {
    // A pantry that fails matters when nobody else has the pack: then the answer is not known.
    if (where.length === 0 || work.signal.aborted) throw error;
  }
  const result = { uri, where, looked: [...new Set(looked)] };
  if (where.length > 0 || !isWholeUri(text)) return result;
  const pantries = pantriesFor(session, options.from);
  const legacy = await findLegacy(session, uri, pantries, work.signal);
  return legacy ? { ...result, legacy: legacy.address } : result;
}
