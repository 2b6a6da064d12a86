import { chmodSync, constants, copyFileSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import type { FileEntry, UnpackSink } from "../pack/index.ts";
import { clear } from "./clear.ts";
import { onDisk } from "./disk.ts";
import { type Output, SharedFile, WrittenFile } from "./output.ts";
import type { Pool } from "./pool.ts";

const CLONE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;

/** What else a folder is told. */
export interface FolderOptions {
  /** The store's own folder: read-only, its contents shared through this pool. Without it, the user's. */
  readonly pool?: Pool | undefined;
  /** Called with the number of files so far. */
  readonly onFile?: ((count: number, path: string) => void) | undefined;
}

/**
 * Writes the entries of a pack below a new, private folder, under their final names: the folder as a
 * whole is what is renamed, never a file. Links come last, so that nothing is ever written through one.
 */
export class Folder implements UnpackSink {
  readonly #root: string;
  readonly #pool: Pool | undefined;
  readonly #onFile: ((count: number, path: string) => void) | undefined;
  readonly #folders = new Set<string>();
  readonly #links: (readonly [path: string, target: string])[] = [];
  #file: Output | undefined;
  /** What the umask leaves of 0777. */
  #umasked: number | undefined;
  #count = 0;

  /** `root` must not exist. */
  constructor(root: string, options: FolderOptions = {}) {
    this.#root = root;
    this.#pool = options.pool;
    this.#onFile = options.onFile;
    onDisk("creating", root, () => mkdirSync(root));
  }

  directory(path: string): void {
    this.#make(path);
  }

  file(entry: FileEntry): void {
    this.#makeParent(entry.path);
    const path = `${this.#root}/${entry.path}`;
    const pooled = this.#pool?.open(entry);
    this.#file =
      this.#pool !== undefined && pooled !== undefined
        ? new SharedFile(this.#pool, entry, path, pooled)
        : new WrittenFile(path, this.#modeOf(entry), this.#pool !== undefined);
  }

  write(bytes: Uint8Array): void {
    if (this.#file === undefined) throw new RangeError("content without a file");
    this.#file.write(bytes);
  }

  fileEnd(entry: FileEntry): void {
    this.#file?.end();
    if (this.#file instanceof WrittenFile) this.#pool?.give(entry, `${this.#root}/${entry.path}`);
    this.release();
    this.#count += 1;
    this.#onFile?.(this.#count, entry.path);
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

  /** Makes the links and, in the store, the folders read-only. */
  finish(): void {
    for (const [path, target] of this.#links) {
      this.#makeParent(path);
      const full = `${this.#root}/${path}`;
      onDisk("writing", full, () => symlinkSync(target, full));
    }
    if (this.#pool === undefined) return;
    for (const folder of this.#folders) chmodSync(`${this.#root}/${folder}`, 0o555);
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
    onDisk("creating", full, () => mkdirSync(full));
    this.#folders.add(path);
  }
}
