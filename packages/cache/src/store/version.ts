import { readFileSync, realpathSync } from "node:fs";
import { onDisk, unlessMissing } from "./disk.ts";
import { Places } from "./places.ts";

/** Counts up when an older ctxpack could not make sense of a store any more. */
export const VERSION = 1;

/** Where everything lies in the store in `dir`, if there is one of this version. Throws what the disk refuses. */
export function currentPlaces(dir: string): Places | undefined {
  const read = (): Places | undefined => {
    const places = new Places(realpathSync(dir));
    return readFileSync(places.version, "latin1") === `${VERSION}\n` ? places : undefined;
  };
  return unlessMissing(() => onDisk("reading", dir, read));
}
