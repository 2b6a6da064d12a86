import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CtxPackError } from "@ctxpack/identity";

/**
 * How much may come out of a layer of `size` compressed bytes. gzip can give 1,032 bytes for one; text and
 * JSON give 3 to 30, near-empty tables some 100. So 200 for one is enough, except that 1 GiB is always
 * allowed, since it harms nobody: nothing is kept of it until it has all been looked at. The prototype was
 * made for tens of gigabytes; 256 GiB is more than any registry's layer limit lets it have.
 */
export function mostBytes(size: number): number {
  return Math.min(Math.max(2 ** 30, size * 200), 2 ** 38);
}

/**
 * Decompresses a layer of `size` bytes. Throws CTXPACK_E_PACK when it is damaged, is followed by anything,
 * or holds more than `mostBytes`.
 */
export async function* gunzip(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  const inflater = createGunzip({ chunkSize: 1 << 17 });
  // Its failure is the inflater's, which the loop below meets.
  const fed = pipeline(chunks, inflater).catch(() => {});
  const most = mostBytes(size);
  let count = 0;
  try {
    for await (const chunk of inflater) {
      count += (chunk as Uint8Array).length;
      if (count > most) throw refuse(`is a decompression bomb: more than ${most} bytes`);
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw isDamage(error) ? refuse(`is damaged: ${error.message}`, error) : error;
  } finally {
    inflater.destroy();
    await fed;
  }
  // Node's decoder ends without a word where something follows that is not gzip.
  if (inflater.bytesWritten === size) return;
  throw refuse(`ends after ${inflater.bytesWritten} of its ${size} bytes; something else follows`);
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}

function refuse(why: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", `the gzip layer ${why}`, { cause });
}
