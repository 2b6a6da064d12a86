import { KnownRecords } from "./known/records.ts";
import type { PackBrief, PackRecord } from "./record.ts";
import { Records } from "./records.ts";
import { Unfinished } from "./unfinished.ts";
import { currentPlaces } from "./version.ts";
import { Workspace } from "./workspace.ts";

interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `Store.overview` gives of the store in `dir`, without what a store takes: for a program that only lists.
 * `undefined` when there is no store of this version; a `Store` makes one, or says what is there. Throws what
 * `Store.overview` throws.
 */
export function findOverview(
  dir: string,
  options: Abortable = {},
): Promise<PackRecord[] | undefined> {
  return withKnown(dir, async (known) => {
    const packs: PackRecord[] = [];
    for await (const record of known.list(options.signal)) packs.push(record);
    return packs;
  });
}

/** `findOverview` in short: of a store of many packs, most of the time is saved. */
export function findBriefs(dir: string, options: Abortable = {}): Promise<PackBrief[] | undefined> {
  return withKnown(dir, async (known) => await known.briefs(options.signal));
}

async function withKnown<T>(
  dir: string,
  work: (known: KnownRecords) => Promise<T>,
): Promise<T | undefined> {
  const places = currentPlaces(dir);
  if (places === undefined) return undefined;
  const unfinished = new Unfinished(places.unfinished);
  const workspace = new Workspace(places.temporary, { readOnly: false, unfinished });
  const records = new Records(places, workspace);
  try {
    return await work(new KnownRecords({ places, workspace, records }));
  } finally {
    workspace.close();
  }
}
