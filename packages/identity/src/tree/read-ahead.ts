import { createHash } from "node:crypto";
import { closeSync, read } from "node:fs";
import { promisify } from "node:util";
import { changedError, readError } from "./fault.ts";
import { type FileToRead, isUnchanged, openFile } from "./read.ts";
import { SLICE_MS } from "./slice.ts";

/** From this size on reading a file ahead is worth it, for who has a core to spare. */
export const AHEAD_BYTES: number = 64 * 1024 * 1024;

/** Bytes that are read while as many are hashed: a millisecond of work for each, so that handing over costs little. */
const PIECE_BYTES = 2 * 1024 * 1024;

const readPiece = promisify(read);

/** How a file is read ahead. */
export interface ReadAheadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told every 10 ms, and at the end, of the bytes hashed since the last call. */
  onBytes(bytes: number): void;
}

/**
 * As `readDigest`, but one of libuv's threads copies the next piece from the page cache, or waits for the disk, while
 * this one hashes: a chain of SHA-256 cannot be shared, all else can. The event loop turns after each piece.
 *
 * @throws as `readDigest`, and `signal.reason`.
 */
export async function readDigestAhead(
  file: FileToRead,
  { signal, onBytes }: ReadAheadOptions,
): Promise<string> {
  const fd = openFile(file);
  const size = Number(file.state.size);
  const even = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const odd = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let reading = readPiece(fd, even, 0, PIECE_BYTES, null);
  try {
    const digest = createHash("sha256");
    let length = 0;
    let told = 0;
    let toldAt = performance.now();
    while (length <= size) {
      const { bytesRead, buffer } = await reading.catch((error: unknown) => {
        throw readError(file.shown, error);
      });
      signal?.throwIfAborted();
      if (bytesRead === 0) break;
      length += bytesRead;
      reading = readPiece(fd, buffer === even ? odd : even, 0, PIECE_BYTES, null);
      digest.update(buffer.subarray(0, bytesRead));
      if (performance.now() < toldAt + SLICE_MS) continue;
      onBytes(length - told);
      told = length;
      toldAt = performance.now();
    }
    onBytes(length - told);
    if (length !== size || !isUnchanged(fd, file.state)) throw changedError(file.shown);
    return digest.digest("hex");
  } finally {
    // Closed under it, a read could meet another file with the same number.
    await Promise.allSettled([reading]);
    closeSync(fd);
  }
}
