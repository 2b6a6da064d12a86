import { lstatSync, lutimesSync } from "node:fs";
import { rename } from "@ctxpack/oci";
import { makeFolder, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";

/**
 * Moves what is damaged, or none of ours, out of the way; it stays readable in `quarantine/`, and whoever has it open
 * keeps it. What is gone already is no error. Throws what the disk refuses.
 */
export function quarantine(places: Places, path: string): void {
  if (unlessMissing(() => lstatSync(path)) === undefined) return;
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
