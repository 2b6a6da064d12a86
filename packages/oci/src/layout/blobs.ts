import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import { abortable } from "../abort.ts";
import type { Descriptor } from "../descriptor.ts";
import { splitDigest } from "../digest.ts";
import { diskError } from "../disk.ts";
import { hasSuccessors } from "../media-type.ts";
import { rename } from "../rename.ts";
import { type BlobSource, readRange } from "../source.ts";
import type { FetchOptions, OperationOptions } from "../target.ts";
import { Verifier, verified } from "../verify.ts";
import { checkFolders, lookAt, makeFolder, openRegular } from "./folder.ts";

/** Where a blob lies in a layout. Throws CTXPACK_E_REFERENCE when `digest` is none. */
export function blobPath(dir: string, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return join(dir, "blobs", algorithm, hex);
}

/** The size of a blob that is there, as a regular file. */
export async function blobSize(path: string): Promise<number | undefined> {
  const state = await lookAt(path);
  return state?.isFile() === true ? state.size : undefined;
}

/** The bytes of the blob in a file, verified unless only a range is asked for. */
export async function* readBlob(
  path: string,
  d: Descriptor,
  options: FetchOptions,
): AsyncGenerator<Uint8Array> {
  options.signal?.throwIfAborted();
  const opened = await openRegular(path);
  if (opened === undefined) throw missingBlob(d, dirname(dirname(dirname(path))));
  await using handle = opened.handle;
  if (opened.size !== d.size) {
    throw new CtxPackError(
      "CTXPACK_E_SIZE_MISMATCH",
      `blob ${d.digest} is ${opened.size} bytes, expected ${d.size}`,
      { details: { path, digest: d.digest, expected: d.size, found: opened.size } },
    );
  }
  const { offset, length } = checkRange(d, options.range);
  const chunks = readRange(handle, { path, offset, length }, options);
  for await (const chunk of options.range === undefined ? verified(chunks, d) : chunks) {
    options.signal?.throwIfAborted();
    yield chunk;
  }
}

/**
 * Writes a blob to its name in the layout: into `scratch`, verified, on disk, then renamed. A crash
 * at any instant leaves at most a file in `scratch`.
 */
export async function writeBlob(
  dir: string,
  blob: { readonly descriptor: Descriptor; readonly source: BlobSource },
  options: OperationOptions & { readonly scratch: string },
): Promise<void> {
  const { descriptor: d } = blob;
  const path = blobPath(dir, d.digest);
  const part = join(options.scratch, randomBytes(8).toString("hex"));
  try {
    await makeFolder(dirname(path));
    await checkFolders(dir);
    await writePart(part, blob, options);
    rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw diskError(error, `blob ${d.digest} cannot be written to ${dir}`, path);
  }
}

async function writePart(
  part: string,
  { descriptor: d, source }: { readonly descriptor: Descriptor; readonly source: BlobSource },
  options: OperationOptions,
): Promise<void> {
  await using handle = await open(part, "wx", 0o600);
  const phase = hasSuccessors(d.mediaType) ? "manifest" : "blob";
  const verifier = new Verifier(d);
  let done = 0;
  for await (const chunk of abortable(source.open(), options.signal)) {
    verifier.update(chunk);
    await writeAll(handle, chunk);
    done += chunk.length;
    options.onProgress?.({ phase, unit: "bytes", done, total: d.size, name: d.digest });
  }
  verifier.end();
  // Readers of a shared layout are other users; skopeo writes a manifest that is there once more, in place, and
  // could not as their owner if this were 0444.
  await handle.chmod(0o644);
  await handle.datasync();
}

/** Writes a chunk whole: one call may write less, on a disk that is getting full for one. */
async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let at = 0;
  while (at < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}

/** The part of a blob that a fetch is about. Throws CTXPACK_E_USAGE when it is not inside the blob. */
export function checkRange(
  d: Descriptor,
  range: FetchOptions["range"],
): { readonly offset: number; readonly length: number } {
  if (range === undefined) return { offset: 0, length: d.size };
  const { offset, length } = range;
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!whole || offset < 0 || length < 0 || offset + length > d.size) {
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      `bytes ${offset} to ${offset + length} are not inside blob ${d.digest} of ${d.size} bytes`,
    );
  }
  return range;
}

export function missingBlob(d: Descriptor, where: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_NOT_FOUND", `${where} has no blob ${d.digest}`, {
    details: { digest: d.digest, layout: where },
  });
}
