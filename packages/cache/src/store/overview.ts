import { KnownRecords } from "./known/records.ts";
import type { PackBrief } from "./record.ts";
import { Records } from "./records.ts";
import { Unfinished } from "./unfinished.ts";
import { currentPlaces } from "./version.ts";
import { Workspace } from "./workspace.ts";

/**
 * What `Store.overview` gives of the store in `dir`, in short and without what a store takes: for a program that only
 * shows a list. `undefined` when there is no store of this version; a `Store` makes one, or says what is there. Throws what `Store.overview` throws.
 */
export async function findOverview(
  dir: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<PackBrief[] | undefined> {
  const places = currentPlaces(dir);
  if (places === undefined) return undefined;
  const unfinished = new Unfinished(places.unfinished);
  const workspace = new Workspace(places.temporary, { readOnly: false, unfinished });
  const known = new KnownRecords({
    places,
    workspace,
    records: new Records(places, workspace),
  });
  try {
    return await known.briefs(options.signal);
  } finally {
    workspace.close();
  }
}
