import { type BigIntStats, closeSync, constants, fstatSync, openSync } from "node:fs";
import type { ContentReader } from "../pack/index.ts";
import { readFully } from "./blobs.ts";
import { onDisk, systemCode } from "./disk.ts";
import { absolute, changed, isExecutable, type Scan } from "./scan.ts";

interface OpenFile {
  readonly row: number;
  readonly path: string;
  readonly fd: number;
  readonly stat: BigIntStats;
  /** Unix time in ms, before it was opened. */
  readonly since: number;
}

/**
 * Reads the files of a scan one after the other. A file that is not what was listed, or that changes
 * while it is read, is `CTXPACK_E_TREE`.
 */
export class FileReader implements ContentReader {
  readonly #scan: Scan;
  readonly #onRead: ((row: number, stat: BigIntStats, since: number) => void) | undefined;
  #file: OpenFile | undefined;

  /** `onRead` hears of each file that did not change while it was open, which it was from `since` on (Unix time, ms). */
  constructor(
    scan: Scan,
    onRead?: ((row: number, stat: BigIntStats, since: number) => void) | undefined,
  ) {
    this.#scan = scan;
    this.#onRead = onRead;
  }

  read(file: number, into: Uint8Array, position: number): number {
    if (this.#file?.row !== file) {
      this.release();
      this.#file = this.#open(file);
    }
    const { fd, path } = this.#file;
    return onDisk("reading", path, () => readFully(fd, into, position));
  }

  close(file: number): void {
    const open = this.#file;
    // Nothing is open when opening is what failed.
    if (open?.row !== file) return;
    this.#file = undefined;
    try {
      const now = fstatSync(open.fd, { bigint: true });
      const { stat, since } = open;
      if (now.size === stat.size && now.mtimeNs === stat.mtimeNs && now.ctimeNs === stat.ctimeNs) {
        this.#onRead?.(file, stat, since);
        return;
      }
      throw changed(open.path, "changed while it was being read");
    } finally {
      closeSync(open.fd);
    }
  }

  /** Closes what is open, after a failure. */
  release(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #open(row: number): OpenFile {
    const { listing, root } = this.#scan;
    const path = absolute(root, listing.path(row));
    const since = Date.now();
    const fd = openListed(path);
    const stat = fstatSync(fd, { bigint: true });
    const isListed =
      stat.isFile() &&
      Number(stat.size) === listing.size(row) &&
      isExecutable(stat) === listing.exec(row);
    if (isListed) return { row, path, fd, stat, since };
    closeSync(fd);
    throw changed(path, "is not the file that was listed");
  }
}

function openListed(path: string): number {
  try {
    // Neither a link nor a FIFO put in the file's place is followed or waited for.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    return onDisk("reading", path, () => openSync(path, flags));
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ELOOP" || code === "ENOTDIR") {
      throw changed(path, "is no longer the file that was listed");
    }
    throw error;
  }
}
