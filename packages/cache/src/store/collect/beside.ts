import { join } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import { claimOwner, isAbandoned } from "../claim.ts";
import { unlessRefused } from "../disk.ts";
import type { Places } from "../places.ts";
import { type CountedFile, fileAt, leftoverAt, namesIn, shelved } from "./files.ts";

/** What is kept beside a pack: what its command printed, what became of computing it again, who vouches for it. */
export interface CountedLog extends CountedFile {
  readonly uri: CtxUri;
}

/** The logs, rechecks and proofs of a store, whether their packs are here or not. */
export function* logsOf(places: Places): Iterable<CountedLog> {
  const { logs, rechecked, proofs } = places;
  for (const path of [logs, rechecked, proofs].flatMap((dir) => [...shelved(dir)])) {
    const hex = /([0-9a-f]{64})$/.exec(path)?.[1];
    const file = leftoverAt(path);
    if (hex !== undefined && file !== undefined) yield { ...file, uri: `ctx://sha256:${hex}` };
  }
}

/** Results of items whose map has no pack yet. */
export function* resultsOf(places: Places): Iterable<CountedFile> {
  for (const path of shelved(places.results)) {
    const file = fileAt(path);
    if (file !== undefined) yield file;
  }
}

/** What was moved out of the way, and claims of processes that are gone. */
export function* discardedOf(places: Places): Iterable<CountedFile> {
  for (const name of namesIn(places.trash)) {
    const file = leftoverAt(join(places.trash, name));
    if (file !== undefined) yield file;
  }
  for (const name of namesIn(places.claims)) {
    const path = join(places.claims, name);
    const file = leftoverAt(path);
    // Only the store's owner may read whose it is.
    const isLeft = unlessRefused(() => {
      const owner = claimOwner(path);
      return owner === undefined || isAbandoned(path, owner);
    });
    if (file !== undefined && isLeft === true) yield file;
  }
}
