import { chmodSync, constants, copyFileSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { threadId } from "node:worker_threads";
import type { FileEntry, UnpackSink } from "../pack/index.ts";
import { clear } from "./clear.ts";
import { makeFolder, onDisk } from "./disk.ts";
import { FixedModes, type Output, SharedFile, WrittenFile } from "./output.ts";
import { Pool } from "./pool.ts";
import { Sibling } from "./sibling.ts";

const CLONE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;

/** Where a folder is, and what it is: threads that fill one together each open it by this. */
export interface FolderPlace {
  readonly root: string;
  /** Where contents are shared: of the store's own folder, which is read-only. Without it the folder is a user's. */
  readonly pool?: string | undefined;
}

/** What else a folder is told. */
export interface FolderOptions {
  /** Called with the number of files so far. */
  readonly onFiles?: ((count: number) => void) | undefined;
}

/**
 * Writes the entries of a pack below a new, private folder, under their final names: the folder as a
 * whole is what is renamed, never a file. Links come last, so that nothing is ever written through one.
 * Several threads may fill one folder, each with files of its own; a file that one of them has begun and
 * not finished is made anew by whoever is given it next.
 */
export class Folder implements UnpackSink {
  readonly place: FolderPlace;
  readonly #root: string;
  readonly #pool: Pool | undefined;
  readonly #onFiles: ((count: number) => void) | undefined;
  readonly #modes = new FixedModes();
  #sibling: Sibling | undefined;
  #siblingRoot: string | undefined;
  readonly #folders = new Set<string>();
  readonly #links: (readonly [path: string, target: string])[] = [];
  #file: Output | undefined;
  /** What the umask leaves of 0777. */
  #umasked: number | undefined;
  #count = 0;

  private constructor(place: FolderPlace, options: FolderOptions) {
    this.place = place;
    this.#root = place.root;
    // Threads that fill one folder each have a scratch of their own, beside the files and not among them.
    const scratch = `${place.root}.clone${threadId}`;
    this.#pool = place.pool === undefined ? undefined : new Pool(place.pool, scratch);
    this.#onFiles = options.onFiles;
  }

  /** Makes the folder, which must not exist. */
  static make(place: FolderPlace, options: FolderOptions = {}): Folder {
    onDisk("creating", place.root, () => mkdirSync(place.root));
    return new Folder(place, options);
  }

  /** A folder that another thread has made. */
  static of(place: FolderPlace): Folder {
    return new Folder(place, {});
  }

  /** Files that come now may be what another folder of the store has under the same paths: `root`. */
  besides(root: string | undefined): void {
    if (root === this.#siblingRoot) return;
    this.#siblingRoot = root;
    this.#sibling = root === undefined || this.#pool === undefined ? undefined : new Sibling(root);
  }

  directory(path: string): void {
    this.#make(path);
  }

  file(entry: FileEntry): void {
    this.#makeParent(entry.path);
    const path = `${this.#root}/${entry.path}`;
    const pooled = this.#pool?.open(entry);
    const lent = pooled === undefined ? this.#sibling?.open(entry) : undefined;
    if (this.#pool !== undefined && pooled !== undefined)
      this.#file = new SharedFile(this.#pool, entry, path, pooled);
    else if (this.#sibling !== undefined && lent !== undefined)
      this.#file = new SharedFile(this.#sibling, entry, path, lent);
    else this.#file = new WrittenFile(path, this.#modeOf(entry), this.#pool && this.#modes);
  }

  write(bytes: Uint8Array): void {
    if (this.#file === undefined) throw new RangeError("content without a file");
    this.#file.write(bytes);
  }

  fileEnd(entry: FileEntry): void {
    this.#file?.end();
    if (this.#file instanceof WrittenFile) this.#pool?.give(entry, `${this.#root}/${entry.path}`);
    this.release();
    this.count(1);
  }

  /** Files that were made, here or by another thread. */
  count(files: number): void {
    this.#count += files;
    this.#onFiles?.(this.#count);
  }

  link(path: string, target: string): void {
    this.#links.push([path, target]);
  }

  /** Whether files here can share blocks with `source`: tried, since no system call tells. */
  canClone(source: string): boolean {
    const path = `${this.#root}/.clone`;
    try {
      copyFileSync(source, path, CLONE);
      return true;
    } catch {
      return false;
    } finally {
      clear(path);
    }
  }

  /** Makes a file that shares its blocks with `source`, whose content is the caller's to check. */
  clone(entry: FileEntry, source: string): void {
    this.#makeParent(entry.path);
    const path = `${this.#root}/${entry.path}`;
    onDisk("writing", path, () => copyFileSync(source, path, CLONE));
    // A copy has its source's mode; the user's own files get what the umask leaves, as folders do.
    this.#umasked ??= statSync(this.#root).mode & 0o777;
    chmodSync(path, this.#modeOf(entry) & this.#umasked);
    this.fileEnd(entry);
  }

  /** Makes the links and, in the store, the folders read-only: those that `paths` imply, and empty ones. */
  finish(paths: Iterable<string>): void {
    for (const [path, target] of this.#links) {
      this.#makeParent(path);
      const full = `${this.#root}/${path}`;
      onDisk("writing", full, () => symlinkSync(target, full));
    }
    if (this.#pool === undefined) return;
    for (const folder of foldersOf(paths, this.#folders))
      chmodSync(`${this.#root}/${folder}`, 0o555);
    chmodSync(this.#root, 0o555);
  }

  /** Closes what is open, also after a failure. */
  release(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #modeOf(entry: FileEntry): number {
    if (this.#pool !== undefined) return entry.exec ? 0o555 : 0o444;
    return entry.exec ? 0o777 : 0o666;
  }

  #makeParent(path: string): void {
    const end = path.lastIndexOf("/");
    if (end > 0) this.#make(path.slice(0, end));
  }

  #make(path: string): void {
    if (this.#folders.has(path)) return;
    this.#makeParent(path);
    const full = `${this.#root}/${path}`;
    onDisk("creating", full, () => makeFolder(full));
    this.#folders.add(path);
  }
}

/** The folders that paths imply, and those that are known. */
function foldersOf(paths: Iterable<string>, known: Iterable<string>): Set<string> {
  const folders = new Set(known);
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      // Those above it are known as well.
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}
