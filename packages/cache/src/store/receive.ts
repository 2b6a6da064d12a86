import { closeSync, fchmodSync, fdatasync, fstatSync, ftruncateSync, openSync } from "node:fs";
import { promisify } from "node:util";
import { CtxPackError } from "@ctxpack/identity";
import { type Descriptor, type ReadOnlyStorage, Verifier } from "@ctxpack/oci";
import { readFully, writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { diskError } from "./disk.ts";
import type { Parts } from "./parts.ts";
import { partSuffix } from "./unfinished.ts";

const sync = promisify(fdatasync);
const CHUNK = 1 << 20;

export interface ReceiveOptions {
  readonly source: ReadOnlyStorage;
  readonly signal?: AbortSignal | undefined;
  /** How much of the blob is here, in bytes, and how much of that was transferred now. */
  readonly onBytes?: ((here: number, transferred: number) => void) | undefined;
}

/**
 * Fetches a blob that is not here, going on with what an earlier attempt has left of it, which is hashed again. A
 * blob that turns out wrong is fetched once more from the beginning: what was kept may be at fault, or the line. A
 * failure of the transfer keeps what has arrived. Throws what the source throws, CTXPACK_E_DIGEST_MISMATCH and
 * CTXPACK_E_SIZE_MISMATCH for bytes that are wrong twice.
 */
export async function receive(parts: Parts, d: Descriptor, options: ReceiveOptions): Promise<void> {
  const path = parts.workspace.path(partSuffix(d.digest));
  parts.unfinished.take(d.digest, path);
  for (let attempt = 1; ; attempt++) {
    try {
      await fill(path, d, options);
      break;
    } catch (error) {
      const isWrong = isMismatch(error);
      if (isWrong) clear(path);
      else parts.unfinished.keep(d.digest, path);
      if (!isWrong || attempt === 2) {
        throw diskError(error, "writing", parts.blobs.path(d.digest));
      }
    }
  }
  parts.blobs.adopt(path, d.digest);
  parts.unfinished.drop(d.digest);
}

async function fill(path: string, d: Descriptor, options: ReceiveOptions): Promise<void> {
  const { source, signal, onBytes } = options;
  const fd = openSync(path, "a+", 0o600);
  try {
    const verifier = new Verifier(d);
    const kept = hashKept(fd, d, verifier);
    let at = kept;
    const range = { offset: at, length: d.size - at };
    onBytes?.(at, 0);
    // Hashed here, together with what was kept: the source need not do it too.
    for await (const chunk of range.length > 0
      ? source.fetch(d, { signal, range, reuse: true })
      : []) {
      signal?.throwIfAborted();
      verifier.update(chunk);
      writeFully(fd, chunk);
      at += chunk.length;
      onBytes?.(at, at - kept);
    }
    verifier.end();
    await sync(fd);
    fchmodSync(fd, 0o444);
  } finally {
    closeSync(fd);
  }
}

/** Hashes what an earlier attempt left; more than the blob has is none of it. */
function hashKept(fd: number, d: Descriptor, verifier: Verifier): number {
  const { size } = fstatSync(fd);
  if (size > d.size) {
    ftruncateSync(fd, 0);
    return 0;
  }
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size));
  for (let at = 0; at < size; ) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, size - at));
    const read = readFully(fd, chunk, at);
    verifier.update(chunk.subarray(0, read));
    at += read;
    if (read < chunk.length) throw new RangeError(`a file of ${size} bytes ends at ${at}`);
  }
  return size;
}

function isMismatch(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  // One that only ends early is right as far as it goes.
  if (error.details["endsEarly"] === true) return false;
  return error.code === "CTXPACK_E_DIGEST_MISMATCH" || error.code === "CTXPACK_E_SIZE_MISMATCH";
}
