import { lstatSync, lutimesSync, type Stats } from "node:fs";
import { rename } from "@ctxpack/oci";
import { makeFolder, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";

/** Tells one file or folder from another that has taken its place; a number alone is soon given out again. */
export function identityOf(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && identity(stat);
}

/**
 * `identityOf`, and when it was moved or something was put into it last. Another one after a look says that it may have
 * been away during it: whoever collects takes a folder away for a moment, and gives it back when it has been handed out.
 */
export function stateOf(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && `${identity(stat)} ${stat.ctimeMs}`;
}

function identity({ ino, birthtimeMs }: Stats): string {
  return `${ino} ${birthtimeMs}`;
}

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
