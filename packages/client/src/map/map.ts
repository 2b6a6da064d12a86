import type { CtxUri } from "@ctxpack/identity";
import { lookUp, openWritablePantry, pantryToWrite } from "../pantry.ts";
import { type Got, getOrMake } from "../run/get.ts";
import type { Session } from "../session.ts";
import { type Work, workOf } from "../work.ts";
import { loadMap } from "./load.ts";
import { ItemsFailed, MapMaker, type OnHits } from "./maker.ts";
import type { MapOptions, MapResult } from "./options.ts";
import { familyTag } from "./reuse.ts";

/** Computes one result for every file of an input, as far as nobody has them, and puts them where they belong. */
export async function map(
  session: Session,
  items: string,
  options: MapOptions,
  onHits?: OnHits,
): Promise<MapResult> {
  const work = workOf(options);
  const loaded = await loadMap(session, items, options, work);
  using maker = new MapMaker(session, loaded, options, onHits);
  try {
    const { placed: _, child: __, ...got } = await getOrMake(session, maker, options);
    if (got.hit) maker.noteHit();
    await noteFamily(session, maker, got, options, work);
    return { ...got, failed: [], ...factsOf(maker) };
  } catch (error) {
    if (!(error instanceof ItemsFailed)) throw error;
    const { failed } = error;
    return { uri: maker.uri, hit: false, source: "computed", failed, ...factsOf(maker) };
  }
}

function factsOf({
  counts,
  output,
  displaced,
  reused,
}: MapMaker): Pick<MapResult, "counts" | "output" | "displaced" | "reused"> {
  return { counts, output, displaced, reused };
}

/** So that the next map of the family finds this one, here and where it was pushed. */
async function noteFamily(
  session: Session,
  { families }: MapMaker,
  { uri, pushed, kept }: Pick<Got<void>, "uri" | "pushed" | "kept">,
  options: MapOptions,
  work: Work,
): Promise<void> {
  const store = await session.store(work.signal);
  if (await store.get(uri)) {
    for (const family of families.here) await store.joinFamily(family, uri, work);
  }
  if (pushed === undefined && kept === undefined) return;
  try {
    await tagFamily(session, families.there, uri, options, work);
  } catch (error) {
    work.signal.throwIfAborted();
    session.warn(`other machines will not find the items of this map: ${(error as Error).message}`);
  }
}

async function tagFamily(
  session: Session,
  families: readonly string[],
  uri: CtxUri,
  { to }: MapOptions,
  work: Work,
): Promise<void> {
  const pantry = await openWritablePantry(session, pantryToWrite(session, to), work.signal);
  const found = await lookUp(pantry, uri, work.signal);
  if (found === undefined) return;
  for (const family of families) await pantry.target.tag(found.descriptor, familyTag(family), work);
}
