import { createHash, hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { FileState } from "./digests.ts";
import { changedError, readError } from "./fault.ts";

/** Bytes of a read buffer. Larger ones are not faster, smaller ones cost system calls. */
export const BUFFER_BYTES: number = 256 * 1024;

/** Bytes of one file after which a reader lets others have the thread. */
const STEP_BYTES = 4 * 1024 * 1024;

// Without O_NONBLOCK a FIFO that took the file's place meanwhile would block the thread for good.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A file to read: where it is, how messages name it, and the state it was listed with. */
export interface FileToRead {
  readonly path: string;
  readonly shown: string;
  readonly state: FileState;
}

/**
 * Reads one file and returns its SHA-256 as 64 hex digits; yields the bytes read since the last yield.
 *
 * @throws CtxPackError `CTXPACK_E_TREE` when its state afterwards is not the one it was listed with,
 *   `CTXPACK_E_PERMISSION`.
 */
export function* readDigest(file: FileToRead, buffer: Buffer): Generator<number, string, void> {
  const size = Number(file.state.size);
  if (size < buffer.length) return readSmallDigest(file, buffer);
  const fd = openFile(file);
  try {
    const hex = yield* readLarge(fd, size, buffer);
    if (hex === undefined || !isUnchanged(fd, file.state)) throw changedError(file.shown);
    return hex;
  } catch (error) {
    throw readError(file.shown, error);
  } finally {
    closeSync(fd);
  }
}

/** `readDigest` of a file smaller than the buffer, which is read at once. */
export function readSmallDigest(file: FileToRead, buffer: Buffer): string {
  const fd = openFile(file);
  try {
    const hex = readSmall(fd, Number(file.state.size), buffer);
    if (hex === undefined || !isUnchanged(fd, file.state)) throw changedError(file.shown);
    return hex;
  } catch (error) {
    throw readError(file.shown, error);
  } finally {
    closeSync(fd);
  }
}

/** Throws `CTXPACK_E_TREE`, `CTXPACK_E_PERMISSION`. */
export function openFile(file: FileToRead): number {
  try {
    return openSync(file.path, FLAGS);
  } catch (error) {
    throw readError(file.shown, error);
  }
}

/** One read that asks for a byte more than there should be: exactly `size` bytes mean the end. */
function readSmall(fd: number, size: number, buffer: Buffer): string | undefined {
  let length = 0;
  while (length <= size) {
    const n = readSync(fd, buffer, length, size + 1 - length, null);
    length += n;
    if (n === 0 || length === size) break;
  }
  return length === size ? hash("sha256", buffer.subarray(0, size), "hex") : undefined;
}

function* readLarge(
  fd: number,
  size: number,
  buffer: Buffer,
): Generator<number, string | undefined, void> {
  const digest = createHash("sha256");
  let length = 0;
  let unreported = 0;
  while (length <= size) {
    const n = readSync(fd, buffer, 0, buffer.length, null);
    if (n === 0) break;
    digest.update(n === buffer.length ? buffer : buffer.subarray(0, n));
    length += n;
    unreported += n;
    if (unreported < STEP_BYTES) continue;
    yield unreported;
    unreported = 0;
  }
  return length === size ? digest.digest("hex") : undefined;
}

/** Whether an open file is in the state that it was listed with. */
export function isUnchanged(fd: number, before: FileState): boolean {
  const now = fstatSync(fd, { bigint: true });
  return (
    now.ino === before.ino &&
    now.size === before.size &&
    now.mtimeNs === before.mtimeNs &&
    now.ctimeNs === before.ctimeNs &&
    now.mode === before.mode
  );
}
