import { closeSync, fstatSync, lstatSync } from "node:fs";
import type { FileEntry } from "../pack/index.ts";
import { openOwn } from "./blobs.ts";
import { clear } from "./clear.ts";
import type { Lender } from "./output.ts";
import { modeOf } from "./pool.ts";
import { Sharing } from "./share.ts";

/**
 * Another folder of the store that has files of this one under the same paths: a version of the same output. It lends
 * what is too small for the pool, where a name of its own would cost as much as the file.
 */
export class Sibling implements Lender {
  readonly #root: string;
  readonly #sharing = new Sharing();

  /** `root` is what a folder of the store holds. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Opens the file that could be this one. Its bytes are the caller's to check. */
  open(entry: FileEntry): number | undefined {
    const path = this.#path(entry);
    if (entry.size === 0 || lstatSync(path, { throwIfNoEntry: false }) === undefined)
      return undefined;
    try {
      const fd = openOwn(path);
      const stat = fstatSync(fd);
      const isAlike =
        stat.isFile() && stat.size === entry.size && (stat.mode & 0o777) === modeOf(entry);
      if (isAlike) return fd;
      closeSync(fd);
    } catch {
      // Collected meanwhile, or not readable: the same to us.
    }
    return undefined;
  }

  take(entry: FileEntry, fd: number, path: string): boolean {
    const source = this.#path(entry);
    try {
      if (lstatSync(source).ino !== fstatSync(fd).ino) return false;
      this.#sharing.share(source, path);
      return true;
    } catch {
      clear(path);
      return false;
    }
  }

  /** Its files are its own: whoever is handed that folder finds out. */
  drop(): void {}

  give(): void {}

  #path({ path }: FileEntry): string {
    return `${this.#root}/${path}`;
  }
}
