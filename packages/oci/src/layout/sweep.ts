import { lstat, readdir, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import { fetchBytes } from "../content.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest } from "../digest.ts";
import { diskError, errorCode } from "../disk.ts";
import { MANIFEST_LIMIT, parseManifest, successors } from "../manifest.ts";
import { hasSuccessors } from "../media-type.ts";
import type { ReadOnlyStorage } from "../target.ts";
import { blobPath } from "./blobs.ts";
import type { IndexFile } from "./index-file.ts";

/** Younger blobs may belong to a manifest that is being pushed, in milliseconds. */
const GRACE_MS = 3_600_000;
/** A blob whose time is older gets a new one when a pusher finds that it is there. */
const STALE_MS = GRACE_MS / 6;

/**
 * Removes the blobs that nothing in `index.json` leads to and nobody has written or asked for within an hour. Call
 * it under the layout's lock. Gives back how many, and their bytes.
 */
export async function sweep(
  dir: string,
  file: IndexFile,
  storage: ReadOnlyStorage,
  signal: AbortSignal | undefined,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const reached = await reachable(file, storage, signal);
  const removed = { blobs: 0, bytes: 0 };
  for (const algorithm of ["sha256", "sha512"]) {
    for (const name of await names(join(dir, "blobs", algorithm))) {
      signal?.throwIfAborted();
      const digest = `${algorithm}:${name}` as Digest;
      if (!isBlobDigest(digest) || reached.has(digest)) continue;
      const path = blobPath(dir, digest);
      try {
        const stat = await lstat(path);
        if (!stat.isFile() || Date.now() - stat.mtimeMs < GRACE_MS) continue;
        await rm(path, { force: true });
        removed.blobs++;
        removed.bytes += stat.size;
      } catch (error) {
        if (errorCode(error) !== "ENOENT")
          throw diskError(error, `${path} cannot be removed`, path);
      }
    }
  }
  return removed;
}

/** Says that somebody counts on a blob that is there: `sweep` leaves it for a while. */
export async function touchBlob(path: string): Promise<void> {
  try {
    const { mtimeMs } = await lstat(path);
    if (Date.now() - mtimeMs < STALE_MS) return;
    const now = new Date();
    await utimes(path, now, now);
  } catch {
    // Somebody else's file: then somebody else sweeps, too.
  }
}

async function reachable(
  file: IndexFile,
  storage: ReadOnlyStorage,
  signal: AbortSignal | undefined,
): Promise<Set<Digest>> {
  const reached = new Set<Digest>();
  const queue = file.entries.flatMap(({ descriptor }) => (descriptor ? [descriptor] : []));
  for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
    if (reached.has(d.digest)) continue;
    reached.add(d.digest);
    if (hasSuccessors(d.mediaType)) queue.push(...(await listedBy(storage, d, signal)));
  }
  return reached;
}

async function listedBy(
  storage: ReadOnlyStorage,
  d: Descriptor,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  try {
    return successors(
      parseManifest(await fetchBytes(storage, d, { maxBytes: MANIFEST_LIMIT, signal }), d),
    );
  } catch (error) {
    // A manifest that is not there keeps nothing; one that is damaged might: then nothing is removed.
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return [];
    throw error;
  }
}

async function names(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw diskError(error, `${dir} cannot be read`, dir);
  }
}
