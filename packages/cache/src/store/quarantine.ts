import { lstatSync, lutimesSync } from "node:fs";
import { rename } from "@ctxpack/oci";
import { makeFolder, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";

/** So often something is looked at that moves meanwhile; then what was seen is believed. */
export const MOST_LOOKS = 10;

/** A file or folder as it was at one moment. */
export interface Seen {
  /** Tells it from another one that has taken its place; a number alone is soon given out again. */
  readonly identity: string;
  /** When it was moved, or something was put into it, last; Unix time in ms. */
  readonly changedMs: number;
}

/** What is at `path`; `undefined` for nothing. */
export function see(path: string): Seen | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && { identity: `${stat.ino} ${stat.birthtimeMs}`, changedMs: stat.ctimeMs };
}

/**
 * Whether something else is at `path` by now, nothing, or the same that was moved since: then it may have been away for
 * a moment, as a folder is that whoever collects takes away, and gives back when it was handed out before that.
 */
export function hasMoved(path: string, seen: Seen): boolean {
  const now = see(path);
  return now?.identity !== seen.identity || now.changedMs !== seen.changedMs;
}

/** `identity` of what is at `path`. */
export function identityOf(path: string): string | undefined {
  return see(path)?.identity;
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
