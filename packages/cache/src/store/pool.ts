import { closeSync, fstatSync, lstatSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Digest, digestHex } from "@ctxpack/identity";
import { openOwn } from "./blobs.ts";
import { clear } from "./clear.ts";
import { makeFolder, systemCode } from "./disk.ts";
import type { Lender } from "./output.ts";
import { Sharing } from "./share.ts";

/** Smaller files cost less than the name that would save them. */
export const LEAST_SHARED: number = 16 * 1024;

/** A content that trees may share. */
export interface PooledContent {
  readonly digest: Digest;
  readonly size: number;
  readonly exec?: boolean;
}

/**
 * One file per content, which every materialised tree that has it shares: by blocks where the file system
 * can, else as one read-only file with several names. It only saves space: what is not here, or cannot be
 * shared, is written. A file that no tree shares any more has one link, and may go at any time.
 */
export class Pool implements Lender {
  readonly #dir: string;
  readonly #shelves = new Set<string>();
  readonly #scratch: string;
  readonly #sharing = new Sharing();

  /** `scratch` is a path that only this pool uses, in the same file system. */
  constructor(dir: string, scratch: string) {
    this.#dir = dir;
    this.#scratch = scratch;
  }

  /** Opens the pooled file of a content, if there is one that could be it. Its bytes are the caller's to check. */
  open(content: PooledContent): number | undefined {
    if (content.size < LEAST_SHARED) return undefined;
    // Mostly there is none, and an exception would cost as much as writing the file.
    if (lstatSync(this.#path(content), { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      const fd = openOwn(this.#path(content));
      const stat = fstatSync(fd);
      const isRight =
        stat.isFile() && stat.size === content.size && (stat.mode & 0o777) === modeOf(content);
      if (isRight) return fd;
      closeSync(fd);
      this.drop(content);
    } catch {
      // Not there, or not readable: the same to us.
    }
    return undefined;
  }

  /** Puts the pooled file at `path`, if it still is the one open as `fd`. */
  take(content: PooledContent, fd: number, path: string): boolean {
    const source = this.#path(content);
    try {
      if (lstatSync(source).ino !== fstatSync(fd).ino) return false;
      this.#sharing.share(source, path);
      return true;
    } catch (error) {
      clear(path);
      // As many names as the file system allows: the next tree begins a new file.
      if (systemCode(error) === "EMLINK") this.drop(content);
      return false;
    }
  }

  /** Lets later trees share the file at `path`, which is complete and right. */
  give(content: PooledContent, path: string): void {
    if (content.size < LEAST_SHARED) return;
    const target = this.#path(content);
    try {
      const shelf = dirname(target);
      if (!this.#shelves.has(shelf)) makeFolder(shelf);
      this.#shelves.add(shelf);
      this.#sharing.publish(path, target, this.#scratch);
    } catch {
      // Somebody gave it already, or it cannot be shared here.
    }
  }

  /** Forgets a file that is not what its name says. */
  drop(content: PooledContent): void {
    try {
      unlinkSync(this.#path(content));
    } catch {
      // Gone already, or a store that cannot be written.
    }
  }

  #path(content: PooledContent): string {
    const hex = digestHex(content.digest);
    return join(this.#dir, hex.slice(0, 2), content.exec ? `${hex}.x` : hex);
  }
}

/** The mode of a file of the store. */
export function modeOf(content: Pick<PooledContent, "exec">): number {
  return content.exec ? 0o555 : 0o444;
}
