import type { Store } from "@ctxpack/cache";
import type { IndexReader } from "@ctxpack/cache/pack";
import { admissionOf } from "../admission.ts";
import type { FoundPack } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type Contents, storedContents } from "./contents.ts";

/** So much is fetched to say where files differ, in compressed bytes. */
const MOST_FETCHED = 16 << 20;

/** The output of a pack in a pantry: a few of its files, for which little has to be fetched. */
export function pantryContents(session: Session, found: FoundPack, index: IndexReader): Contents {
  let fetched: { readonly store: Store; readonly paths: ReadonlySet<string> } | undefined;
  return {
    async prepare(paths, signal) {
      const some = affordable(found, index, paths);
      if (some.size === 0) return;
      // The store has an output of this URI already, and that is another one.
      const store = await (await session.aside()).store(signal);
      await store.admit(found.uri, {
        ...admissionOf(session, found, { signal }),
        only: (path) => some.has(path),
        replace: true,
      });
      fetched = { store, paths: some };
    },
    file: (path) => {
      if (!fetched?.paths.has(path)) return undefined;
      return storedContents(fetched.store, found.uri, index).file(path);
    },
  };
}

/** Those of these files whose segments are small together, the first ones first. */
function affordable(
  { manifest }: FoundPack,
  index: IndexReader,
  paths: readonly string[],
): ReadonlySet<string> {
  const some = new Set<string>();
  const segments = new Set<number>();
  let bytes = 0;
  for (const path of paths) {
    const rows = segmentsOf(index, path).filter((row) => !segments.has(row));
    const more = rows.reduce((sum, row) => sum + (manifest.segments[row]?.size ?? 0), 0);
    if (bytes + more > MOST_FETCHED) continue;
    bytes += more;
    for (const row of rows) segments.add(row);
    some.add(path);
  }
  return some;
}

/** The segments that a file lies in. */
function segmentsOf(index: IndexReader, path: string): number[] {
  const entry = index.find(path);
  if (entry === undefined || !("digest" in entry)) return [];
  const end = entry.offset + entry.size;
  return index.segments.flatMap(({ offset, size }, row) =>
    offset < end && offset + size > entry.offset ? [row] : [],
  );
}
