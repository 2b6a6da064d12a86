import { existsSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { bootName } from "./boot.ts";
import { systemCode } from "./disk.ts";
import { isIntact } from "./marker.ts";
import { type PackRecord, readRecord } from "./record.ts";
import { touch, touchRecord } from "./touch.ts";
import { currentPlaces } from "./version.ts";

/** A pack of a store and the folder with its files. */
export interface Hit {
  readonly record: PackRecord;
  /** As `Store.tree` hands it out. */
  readonly path: string;
}

/**
 * What `Store.get` and `Store.tree` say of a pack that the store in `dir` has whole, with its folder. `undefined`
 * whenever there is more to do or to say than that: a `Store` does it. Opens no store, so that a program that
 * only looks need not load what making one takes.
 */
export function findHit(dir: string, uri: CtxUri): Hit | undefined {
  try {
    const places = currentPlaces(dir);
    if (places === undefined) return undefined;
    // First the times, which keep pack and folder from being collected, then a look at what they keep.
    touchRecord(places, uri);
    const record = readRecord(places, uri);
    if (record === undefined || record === "damaged" || record.partial) return undefined;
    const wrapper = places.tree(record.tree);
    touch(join(wrapper, "made.json"), Date.now());
    if (!isIntact(wrapper, bootName())) return undefined;
    const path = join(wrapper, "files");
    return existsSync(path) ? { record, path } : undefined;
  } catch (error) {
    if (systemCode(error) === undefined && !CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}
