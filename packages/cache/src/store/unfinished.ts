import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, digestHex } from "@ctxpack/identity";
import { clear, clearLeftover } from "./clear.ts";
import { makeFolder, systemCode, unlessMissing, unlessRefused } from "./disk.ts";
import { rename } from "./rename.ts";

/** Less than this is fetched again sooner than it is looked for, in bytes. */
const LEAST = 64 << 10;
/** Nobody comes back for what is older, in milliseconds. */
export const KEPT_MS: number = 7 * 86_400_000;

const NAME = /\.part-([0-9a-f]{64})$/;

/** The end of a name in a workspace that says which blob a file is the beginning of. */
export function partSuffix(digest: Digest): string {
  return `.part-${digestHex(digest)}`;
}

/**
 * Beginnings of blobs whose transfer was broken off, one for each digest. Whoever goes on with one takes it into
 * his own workspace, so nobody else writes to it. Nothing here is believed: it is hashed with what comes after it.
 */
export class Unfinished {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Moves the beginning of a blob to `path`; false when there is none. */
  take(digest: Digest, path: string): boolean {
    return (
      unlessMissing(() => {
        rename(this.#path(digestHex(digest)), path);
        // One that was whole, and lost its process before it got its name, is read-only.
        chmodSync(path, 0o600);
        return true;
      }) ?? false
    );
  }

  /** Keeps what has arrived of a blob, unless more of it is kept already or it is not worth it. */
  keep(digest: Digest, path: string): void {
    this.#keep(digestHex(digest), path);
  }

  /** The blob is here: nobody needs its beginning. */
  drop(digest: Digest): void {
    clear(this.#path(digestHex(digest)));
  }

  /** Takes over what a process that is gone has left in its workspace, unless that is another user's. */
  salvage(workspace: string): void {
    for (const name of unlessRefused(() => unlessMissing(() => readdirSync(workspace))) ?? []) {
      const hex = NAME.exec(name)?.[1];
      if (hex !== undefined) this.#keep(hex, join(workspace, name));
    }
  }

  /** Removes what nobody came back for. */
  reap(nowMs: number): void {
    for (const name of unlessRefused(() => unlessMissing(() => readdirSync(this.#dir))) ?? []) {
      const path = join(this.#dir, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat !== undefined && nowMs - stat.mtimeMs > KEPT_MS) clearLeftover(path);
    }
  }

  #keep(hex: string, path: string): void {
    try {
      const size = statSync(path).size;
      const kept = statSync(this.#path(hex), { throwIfNoEntry: false })?.size ?? 0;
      if (size < LEAST || size <= kept) {
        clear(path);
        return;
      }
      makeFolder(this.#dir, 0o700);
      rename(path, this.#path(hex));
    } catch (error) {
      // What cannot be kept is fetched again; the reason why the transfer ended matters more.
      if (systemCode(error) === undefined) throw error;
    }
  }

  #path(hex: string): string {
    return join(this.#dir, hex);
  }
}
