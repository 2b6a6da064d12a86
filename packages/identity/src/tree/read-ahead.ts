import { createHash } from "node:crypto";
import { closeSync, read } from "node:fs";
import { promisify } from "node:util";
import { changedError, readError } from "./fault.ts";
import { type FileToRead, isUnchanged, openFile } from "./read.ts";

/** From this size on a file is read by another thread while this one hashes. */
export const AHEAD_BYTES: number = 64 * 1024 * 1024;

/** Bytes that are read while as many are hashed: a millisecond of work for each, so that handing over costs little. */
const PIECE_BYTES = 2 * 1024 * 1024;

const readPiece = promisify(read);

/** How a file is read ahead. */
export interface ReadAheadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of the bytes hashed since the last call. */
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
  let reading = readPiece(fd, even, 0, PIECE_BYTES, 0);
  try {
    const digest = createHash("sha256");
    let length = 0;
    while (length <= size) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      signal?.throwIfAborted();
      length += bytesRead;
      reading = readPiece(fd, buffer === even ? odd : even, 0, PIECE_BYTES, length);
      digest.update(buffer.subarray(0, bytesRead));
      onBytes(bytesRead);
    }
    if (length !== size || !isUnchanged(fd, file.state)) throw changedError(file.shown);
    return digest.digest("hex");
  } catch (error) {
    signal?.throwIfAborted();
    throw readError(file.shown, error);
  } finally {
    // Closed under it, a read could meet another file with the same number.
    await Promise.allSettled([reading]);
    closeSync(fd);
  }
}
