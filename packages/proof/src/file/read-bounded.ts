import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { systemError } from "./system-error.ts";

/** A limit on what is read, and the code of the error when there is more. */
export interface ReadLimit {
  readonly most: number;
  readonly code: CtxPackErrorCode;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a regular file.
 *
 * @throws CtxPackError `limit.code` when there are too many or it is no file, `CTXPACK_E_PATH_NOT_FOUND`,
 *   `CTXPACK_E_PERMISSION`.
 */
export async function readBounded(path: string, limit: ReadLimit): Promise<Uint8Array> {
  limit.signal?.throwIfAborted();
  try {
    // Without O_NONBLOCK a FIFO would block for good.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await file.stat();
    if (!stats.isFile()) throw new CtxPackError(limit.code, `${path} is not a regular file`);
    if (stats.size > limit.most) {
      const message = `${path}: ${stats.size} bytes, at most ${limit.most} are allowed`;
      throw new CtxPackError(limit.code, message);
    }
    const buffer = Buffer.alloc(stats.size);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } catch (error) {
    throw systemError(error, path);
  }
}
