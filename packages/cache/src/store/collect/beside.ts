import { join } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import { claimOwner, isAbandoned } from "../claim.ts";
import { damagedDatabase } from "../database.ts";
import { unlessRefused } from "../disk.ts";
import type { Places } from "../places.ts";
import { inSlices } from "../slices.ts";
import { type CountedFile, fileAt, leftoverAt, namesIn, privateNamesIn, shelved } from "./files.ts";

/** What is kept beside a pack: what its command printed, what became of computing it again, who vouches for it. */
export interface CountedLog extends CountedFile {
  readonly uri: CtxUri;
}

/** The logs, rechecks and proofs of a store, whether their packs are here or not. */
export async function* logsOf(
  places: Places,
  rest: () => Promise<void>,
): AsyncIterable<CountedLog> {
  const { logs, rechecked, proofs } = places;
  for (const dir of [logs, rechecked, proofs]) {
    for (const path of shelved(dir)) {
      const hex = /([0-9a-f]{64})$/.exec(path)?.[1];
      const file = await inSlices(leftoverAt(path), rest);
      if (hex !== undefined && file !== undefined) yield { ...file, uri: `ctx://sha256:${hex}` };
      await rest();
    }
  }
}

/** Results of items whose map has no pack yet. */
export function* resultsOf(places: Places): Iterable<CountedFile> {
  for (const path of shelved(places.results)) {
    const file = fileAt(path);
    if (file !== undefined) yield file;
  }
}

/** What was put aside because it was damaged, and beginnings of blobs. */
export async function* putAsideOf(
  places: Places,
  rest: () => Promise<void>,
): AsyncIterable<CountedFile> {
  const { quarantine, unfinished, database } = places;
  const paths = [quarantine, unfinished].flatMap((dir) =>
    privateNamesIn(dir).map((name) => join(dir, name)),
  );
  for (const path of [...paths, damagedDatabase(database)]) {
    const file = await inSlices(leftoverAt(path), rest);
    if (file !== undefined) yield file;
    await rest();
  }
}

/** What was moved out of the way, and claims of processes that are gone. */
export async function* discardedOf(
  places: Places,
  rest: () => Promise<void>,
): AsyncIterable<CountedFile> {
  for (const name of namesIn(places.trash)) {
    const file = await inSlices(leftoverAt(join(places.trash, name)), rest);
    if (file !== undefined) yield file;
    await rest();
  }
  for (const name of namesIn(places.claims)) {
    const path = join(places.claims, name);
    const file = await inSlices(leftoverAt(path), rest);
    // Only the store's owner may read whose it is.
    const isLeft = unlessRefused(() => {
      const owner = claimOwner(path);
      return owner === undefined || isAbandoned(path, owner);
    });
    if (file !== undefined && isLeft === true) yield file;
    await rest();
  }
}
