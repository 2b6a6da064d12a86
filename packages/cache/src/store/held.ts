import { CtxPackError, type CtxUri, sha256 } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import {
  decompressIndex,
  IndexReader,
  type PackBlob,
  type PackManifest,
  parsePackManifest,
} from "../pack/index.ts";
import { isOfDisk } from "./disk.ts";
import type { Parts } from "./parts.ts";
import type { NewRecord } from "./record.ts";
import { release } from "./release.ts";

/** A pack in the store with its two tables of contents. */
export interface HeldPack {
  readonly record: NewRecord;
  readonly manifest: PackManifest;
  readonly index: IndexReader;
}

/** Opens the manifest and the index of a pack; throws like `heldBytes`. */
export function openPack(parts: Parts, record: NewRecord): HeldPack {
  const manifest = parsePackManifest(heldBytes(parts, record, record.manifest));
  const index = openIndex(heldBytes(parts, record, manifest.index));
  return { record, manifest, index };
}

/** Opens an index from its blob, whose memory is given back: both are large where files are many. */
export function openIndex(frame: Uint8Array): IndexReader {
  const bytes = decompressIndex(frame);
  release(frame);
  return IndexReader.open(bytes);
}

/**
 * The bytes of one blob of a pack, verified. A damaged blob is put into quarantine, and the pack it
 * belongs to stops being a hit until a pull or seed has completed it: `CTXPACK_E_DIGEST_MISMATCH`, or
 * `CTXPACK_E_STORE_DAMAGED` for a blob that is not there (`CTXPACK_E_NOT_FOUND` in a partial pack).
 */
export function heldBytes(parts: Parts, record: NewRecord, d: Descriptor): Uint8Array {
  const bytes = segmentBytes(parts, record, d);
  if (sha256(bytes) !== d.digest) throw damaged(parts, record, d);
  return bytes;
}

/** `heldBytes` for a caller that verifies what is inside the blob. */
export function segmentBytes(parts: Parts, record: NewRecord, d: Descriptor): Uint8Array {
  try {
    return parts.blobs.readWhole(d);
  } catch (error) {
    const isMissing = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND";
    throw isMissing ? damaged(parts, record, d) : error;
  }
}

/**
 * Says what is wrong when the content of a blob made no sense: `error` itself if the blob has its
 * digest (then the pack is at fault), else that the blob is damaged.
 */
export function blame(parts: Parts, record: NewRecord, d: Descriptor, error: unknown): unknown {
  // A full disk says nothing about the blob, which may still be on its way.
  if (isOfDisk(error)) return error;
  return parts.blobs.isWhole(d) ? error : damaged(parts, record, d);
}

/** Whether every blob of a pack is here. */
export function isComplete(parts: Parts, record: NewRecord): boolean {
  try {
    const manifest = parsePackManifest(heldBytes(parts, record, record.manifest));
    return [manifest.config, manifest.index, ...manifest.segments].every((d) => parts.blobs.has(d));
  } catch (error) {
    if (CtxPackError.isInstance(error)) return false;
    throw error;
  }
}

/**
 * Makes sure, inside the store's lock, that every blob of a pack that becomes visible is here: nothing is collected
 * that somebody is about to refer to, unless a clock was set forward. Throws `CTXPACK_E_STORE_DAMAGED`.
 */
export function expectBlobs(parts: Parts, uri: CtxUri, blobs: readonly PackBlob[]): void {
  const missing = blobs.find((blob) => !parts.blobs.has(blob));
  if (missing === undefined) return;
  const path = parts.blobs.path(missing.digest);
  throw new CtxPackError("CTXPACK_E_STORE_DAMAGED", `${uri}: ${path} vanished meanwhile`, {
    hint: "somebody removed it from the store; run the command again",
    details: { uri, digest: missing.digest, path },
  });
}

/** Puts a damaged blob aside and makes the pack one that is not whole. */
function damaged(parts: Parts, record: NewRecord, d: Descriptor): CtxPackError {
  const isMissing = !parts.blobs.isPresent(d.digest);
  const path = parts.blobs.path(d.digest);
  const details = { uri: record.uri, digest: d.digest, path, damaged: true };
  const hint = "pull the pack again, or seed its output again";
  if (!parts.workspace.readOnly) putAside(parts, record, d);
  if (isMissing) {
    const [code, what] = record.partial
      ? (["CTXPACK_E_NOT_FOUND", "this part of the pack is not here"] as const)
      : (["CTXPACK_E_STORE_DAMAGED", "a blob is missing"] as const);
    return new CtxPackError(code, `${record.uri}: ${what}: ${path}`, { hint, details });
  }
  return new CtxPackError(
    "CTXPACK_E_DIGEST_MISMATCH",
    `${record.uri}: the blob ${path} does not hold ${d.digest}`,
    { hint, details },
  );
}

function putAside(parts: Parts, record: NewRecord, d: Descriptor): void {
  try {
    if (parts.blobs.quarantine(d)) demote(parts, record);
  } catch {
    // A store that cannot be written keeps its damage; the error says what is wrong all the same.
  }
}

/** A pack that lacks a blob is partial. Not under the lock: the worst is that a repair goes unnoticed. */
function demote(parts: Parts, record: NewRecord): void {
  const now = parts.records.get(record.uri);
  if (now === undefined || now.partial || now.manifest.digest !== record.manifest.digest) return;
  const { pinned: _, usedAt: __, ...rest } = now;
  parts.records.write({ ...rest, partial: true });
}
