import { type FileHandle, open } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";
import { diskError } from "./disk.ts";
import type { FetchOptions } from "./target.ts";

/** Bytes that can be read more than once, so that a transfer can be repeated or resumed. */
export interface BlobSource {
  /** In bytes. */
  readonly size: number;
  /** The repository it is read from: another one of the same registry can take it without being sent it. */
  readonly from?: { readonly host: string; readonly repository: string } | undefined;
  /** The bytes from `offset` (0) on, `length` of them (the rest). A chunk stays valid after the next. */
  open(offset?: number, length?: number): AsyncIterable<Uint8Array>;
}

/** A source over bytes in memory; they are not copied. */
export function bytesSource(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.length,
    async *open(offset = 0, length = bytes.length - offset) {
      if (length > 0) yield bytes.subarray(offset, offset + length);
    },
  };
}

/**
 * A source over a regular file of `size` bytes. Reading it throws CTXPACK_E_SIZE_MISMATCH when the
 * file ends before that, CTXPACK_E_PATH_NOT_FOUND or CTXPACK_E_PERMISSION when it cannot be opened.
 */
export function fileSource(path: string, size: number): BlobSource {
  return {
    size,
    async *open(offset = 0, length = size - offset) {
      const handle = await openForReading(path);
      try {
        yield* readRange(handle, { path, offset, length });
      } finally {
        await handle.close();
      }
    },
  };
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw diskError(error, `${path} cannot be read`, path);
  }
}

/** One megabyte: a promise each is then noise beside hashing the bytes. */
const CHUNK = 1 << 20;

/** The bytes of an open file from `offset` on, exactly `length` of them; with `reuse` each chunk in the place of the last. */
export async function* readRange(
  handle: FileHandle,
  range: { readonly path: string; readonly offset: number; readonly length: number },
  { reuse }: Pick<FetchOptions, "reuse"> = {},
): AsyncGenerator<Uint8Array> {
  let at = range.offset;
  const end = range.offset + range.length;
  const kept = reuse ? new Uint8Array(Math.min(CHUNK, range.length)) : undefined;
  try {
    while (at < end) {
      const size = Math.min(CHUNK, end - at);
      const chunk = kept?.subarray(0, size) ?? new Uint8Array(size);
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) {
        throw new CtxPackError(
          "CTXPACK_E_SIZE_MISMATCH",
          `${range.path} ends at byte ${at}, expected ${end}`,
          { details: { path: range.path, expected: end, found: at } },
        );
      }
      at += bytesRead;
      yield bytesRead === chunk.length ? chunk : chunk.subarray(0, bytesRead);
    }
  } finally {
    // At once: the collector would let dozens of megabytes of them pile up.
    kept?.buffer.transfer(0);
  }
}
