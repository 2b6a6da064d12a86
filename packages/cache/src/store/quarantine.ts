import { lutimesSync } from "node:fs";
import { rename } from "@ctxpack/oci";
import { makeFolder, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";
import { identityOf } from "./seen.ts";

/**
 * Moves what is damaged, or none of ours, out of the way; it stays readable in `quarantine/`, and whoever has it open
 * keeps it. `seen` is the identity of what was found damaged: what has taken its place since stays. What is gone already
 * is no error. Throws what the disk refuses.
 */
export function quarantine(
  places: Places,
  path: string,
  seen: string | undefined = identityOf(path),
): void {
  if (seen === undefined || identityOf(path) !== seen) return;
  makeFolder(places.quarantine);
  const aside = places.aside(path);
  unlessMissing(() => rename(path, aside));
  try {
    // What is put aside is kept from now on, however old it is.
    lutimesSync(aside, new Date(), new Date());
  } catch {
    // Another user's file keeps its time, and one that was gone after all has none.
  }
}
