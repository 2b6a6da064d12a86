import { lstatSync } from "node:fs";

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
