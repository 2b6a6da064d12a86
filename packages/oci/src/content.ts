import { createHash } from "node:crypto";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Descriptor } from "./descriptor.ts";
import { bytesSource } from "./source.ts";
import type { ReadOnlyStorage, Storage, WriteOptions } from "./target.ts";

/**
 * Reads a small blob whole, verified. The size a descriptor claims is checked against `maxBytes`
 * first and never allocated in advance. Throws CTXPACK_E_TOO_LARGE and what `fetch` throws.
 */
export async function fetchBytes(
  storage: Pick<ReadOnlyStorage, "fetch">,
  d: Descriptor,
  options: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  if (d.size > options.maxBytes) {
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `blob ${d.digest} claims ${d.size} bytes, at most ${options.maxBytes} are read`,
      { details: { digest: d.digest, expected: options.maxBytes, found: d.size } },
    );
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of storage.fetch(d, { signal: options.signal })) {
    size += chunk.length;
    // A source that does not verify could go on for ever.
    if (size > d.size) {
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `blob ${d.digest} is longer than ${d.size} bytes`,
        { details: { digest: d.digest, expected: d.size, found: size } },
      );
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** Stores bytes in memory as a blob of that type and says what its descriptor is. */
export async function pushBytes(
  storage: Storage,
  mediaType: string,
  bytes: Uint8Array,
  options: WriteOptions = {},
): Promise<Descriptor> {
  const d = describeBytes(mediaType, bytes);
  await storage.push(d, bytesSource(bytes), options);
  return d;
}

/** The descriptor bytes have. */
export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}
