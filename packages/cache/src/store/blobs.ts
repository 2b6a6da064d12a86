import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  utimesSync,
  writeSync,
  writevSync,
} from "node:fs";
import { promisify } from "node:util";
import { CtxPackError, type Digest, isDigest, sha256 } from "@ctxpack/identity";
import {
  type BlobSource,
  type Descriptor,
  type FetchOptions,
  fileSource,
  type OperationOptions,
  rename,
  type Storage,
  verified,
} from "@ctxpack/oci";
import { bufferSize } from "../pack/buffer-size.ts";
import { clear } from "./clear.ts";
import { diskError, makeFolder, onDisk, syncFolder, systemCode, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";
import { quarantine } from "./quarantine.ts";
import { identityOf } from "./seen.ts";

const sync = promisify(fdatasync);

/** Gives paths in the store's file system that nobody else uses. */
export interface TemporaryPaths {
  path(suffix?: string): string;
}

/** A blob that was put, and whether it had to be written. */
export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly created: boolean;
}

/**
 * Blobs at `blobs/sha256/<hex>`, read-only. A blob under its name is whole, has that digest and is on
 * disk (synced before the rename), also after a power cut; what the disk does to it later is found when
 * it is read.
 */
export class Blobs implements Storage {
  readonly #places: Places;
  readonly #temporary: TemporaryPaths;

  constructor(places: Places, temporary: TemporaryPaths) {
    this.#places = places;
    this.#temporary = temporary;
  }

  /** Whether a blob of this digest and size is here. */
  exists(d: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    return new Promise((resolve) => {
      options.signal?.throwIfAborted();
      resolve(this.has(d));
    });
  }

  /** `exists` at once, and without a promise. */
  has(d: { readonly digest: Digest; readonly size: number }): boolean {
    if (!isDigest(d.digest)) return false;
    const stat = unlessMissing(() => statSync(this.#places.blob(d.digest)));
    return stat?.isFile() === true && stat.size === d.size;
  }

  /** The bytes of a blob; verified when read whole. Throws `CTXPACK_E_NOT_FOUND`. */
  async *fetch(d: Descriptor, options: FetchOptions = {}): AsyncIterable<Uint8Array> {
    options.signal?.throwIfAborted();
    const path = this.#find(d);
    const source = fileSource(path, d.size);
    const { range } = options;
    const chunks =
      range === undefined ? verified(source.open(), d) : source.open(range.offset, range.length);
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted();
      yield chunk;
    }
  }

  /** The bytes of a blob at once, for blobs that are read whole anyway. Not verified. Throws `CTXPACK_E_NOT_FOUND`. */
  readWhole(d: { readonly digest: Digest; readonly size: number }): Uint8Array {
    const path = this.#find(d);
    return onDisk("reading", path, () => {
      // It may be removed at any moment.
      const fd = unlessMissing(() => openSync(path, constants.O_RDONLY));
      if (fd === undefined) throw this.#missing(d);
      try {
        const bytes = Buffer.allocUnsafeSlow(bufferSize(d.size)).subarray(0, d.size);
        return bytes.subarray(0, readFully(fd, bytes, 0));
      } finally {
        closeSync(fd);
      }
    });
  }

  /** The bytes of a blob that is here and has its digest; one longer than `most` bytes is not read. */
  readSound(digest: Digest, most: number): Uint8Array | undefined {
    const path = this.#places.blob(digest);
    const stat = unlessMissing(() => statSync(path));
    if (stat?.isFile() !== true || stat.size > most) return undefined;
    const bytes = unlessMissing(() => onDisk("reading", path, () => readFileSync(path)));
    return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
  }

  /** Stores a blob from a source and verifies it on the way; one that is here is not read again. */
  async push(d: Descriptor, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.touch(d)) return;
    const path = this.#places.blob(d.digest);
    const temporary = this.#temporary.path();
    try {
      const fd = openSync(temporary, "wx", 0o600);
      try {
        let done = 0;
        for await (const chunk of verified(source.open(), d)) {
          options.signal?.throwIfAborted();
          writeFully(fd, chunk);
          done += chunk.length;
          options.onProgress?.({
            phase: "blob",
            unit: "bytes",
            done,
            total: d.size,
            name: d.digest,
          });
        }
        await finish(fd);
      } finally {
        closeSync(fd);
      }
      this.#place(temporary, path);
    } catch (error) {
      clear(temporary);
      throw diskError(error, "writing", path);
    }
  }

  /** Gives a file that was verified, synced and made read-only its name as a blob. */
  adopt(path: string, digest: Digest): void {
    const place = this.#places.blob(digest);
    onDisk("writing", place, () => this.#place(path, place));
  }

  /** Stores bytes that are at hand, in one piece or several. They have been written when this returns its promise. */
  async put(bytes: Uint8Array | readonly Uint8Array[]): Promise<StoredBlob> {
    const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
    const blob = { digest: digestOf(pieces), size: sizeOf(pieces) };
    if (this.touch(blob)) return { ...blob, created: false };
    const path = this.#places.blob(blob.digest);
    const temporary = this.#temporary.path();
    try {
      const fd = openSync(temporary, "wx", 0o600);
      try {
        writePieces(fd, pieces);
        await finish(fd);
      } finally {
        closeSync(fd);
      }
      this.#place(temporary, path);
    } catch (error) {
      clear(temporary);
      throw diskError(error, "writing", path);
    }
    return { ...blob, created: true };
  }

  /**
   * Whether the blob is here, and a sign to `gc` that somebody is about to refer to it. A blob whose
   * file has another size is not here; the next write replaces it.
   */
  touch(d: { readonly digest: Digest; readonly size: number }): boolean {
    if (!this.has(d)) return false;
    const path = this.#places.blob(d.digest);
    try {
      const now = new Date();
      utimesSync(path, now, now);
      return true;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false;
      throw diskError(error, "touching", path);
    }
  }

  /** Where a blob lies if it is here. */
  path(digest: Digest): string {
    return this.#places.blob(digest);
  }

  /** Whether there is a file for this digest, whatever is in it. */
  isPresent(digest: Digest): boolean {
    return unlessMissing(() => statSync(this.#places.blob(digest))) !== undefined;
  }

  /** Whether the blob's bytes have its digest. */
  isWhole(d: { readonly digest: Digest; readonly size: number }): boolean {
    if (!this.has(d)) return false;
    const bytes = unlessMissing(() => readFileSync(this.#places.blob(d.digest)));
    return bytes !== undefined && sha256(bytes) === d.digest;
  }

  /** Takes a blob out of the way that is not whole. False for one that has been put right meanwhile. */
  quarantine(d: { readonly digest: Digest; readonly size: number }): boolean {
    const path = this.path(d.digest);
    // Before its bytes are read: one that is missing is written by somebody else any moment, and that one is whole.
    const seen = identityOf(path);
    if (this.isWhole(d)) return false;
    if (seen !== undefined) quarantine(this.#places, path, seen);
    return !this.isPresent(d.digest);
  }

  /** Makes the names of all blobs written so far survive a power cut. */
  syncNames(): void {
    onDisk("syncing", this.#places.blobs, () => syncFolder(this.#places.blobs));
  }

  #find(d: { readonly digest: Digest; readonly size: number }): string {
    if (this.has(d)) return this.#places.blob(d.digest);
    throw this.#missing(d);
  }

  #missing(d: { readonly digest: Digest; readonly size: number }): CtxPackError {
    return new CtxPackError(
      "CTXPACK_E_NOT_FOUND",
      `no blob ${d.digest} of ${d.size} bytes in ${this.#places.dir}`,
      { details: { digest: d.digest, size: d.size, path: this.#places.blobs } },
    );
  }

  #place(temporary: string, path: string): void {
    try {
      rename(temporary, path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
      makeFolder(this.#places.blobs);
      rename(temporary, path);
    }
  }
}

/** Read-only whatever the umask is, and on disk. */
async function finish(fd: number): Promise<void> {
  fchmodSync(fd, 0o444);
  await sync(fd);
}

/**
 * What is written at once, in bytes. With more the kernel takes pages of 2 MB for it, and in a virtual machine those are
 * mostly ones that its host has yet to find: up to ten times the time of writing the same in pieces.
 */
const PIECE = 512 * 1024;

/** Writes all of it; `write` may take less than it is given, at the edge of a full disk above all. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(fd, bytes, at, Math.min(PIECE, bytes.length - at));
  }
}

/** `writeFully` for pieces: as many at once as `PIECE` allows. */
function writePieces(fd: number, pieces: readonly Uint8Array[]): void {
  for (let at = 0; at < pieces.length; ) {
    const group: Uint8Array[] = [];
    for (let size = 0; at < pieces.length; at++) {
      const piece = pieces[at] as Uint8Array;
      size += piece.length;
      if (size > PIECE && group.length > 0) break;
      group.push(piece);
    }
    let written = group.length > 1 ? writevSync(fd, group) : 0;
    for (const piece of group) {
      if (written < piece.length) writeFully(fd, piece.subarray(written));
      written = Math.max(0, written - piece.length);
    }
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function digestOf(pieces: readonly Uint8Array[]): Digest {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return sha256(first);
  const hasher = createHash("sha256");
  for (const piece of pieces) hasher.update(piece);
  return `sha256:${hasher.digest("hex")}`;
}

/** Opens a file of ours for reading; a link in its place is refused. */
export function openOwn(path: string): number {
  return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
}

/** Fills `into` from `position` on; the number of bytes there were. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let at = 0;
  while (at < into.length) {
    const n = readSync(fd, into, at, into.length - at, position + at);
    if (n === 0) break;
    at += n;
  }
  return at;
}
