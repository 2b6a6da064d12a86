import { CtxPackError, sha256 } from "@ctxpack/identity";
import {
  type IndexReader,
  type KnownPack,
  type PackBlob,
  parsePackManifest,
} from "../pack/index.ts";
import { openIndex } from "./held.ts";
import type { Parts } from "./parts.ts";
import type { FileStates, FoundStates, Snapshot } from "./snapshot.ts";

/** The pack that was made of a folder before. */
export interface EarlierPack {
  readonly known: KnownPack;
  /** The blobs of its segments, in order. */
  readonly segments: readonly PackBlob[];
}

/** What a folder looked like when a pack was made of it, and what it looks like now. */
export interface Looks {
  readonly snapshot: Snapshot;
  readonly found: FoundStates;
}

/**
 * The pack that a folder was made into last, as far as its blobs are here. Files that look as they did then are noted
 * in `states`. `undefined` when it was cut in another way.
 */
export function earlierPack(
  parts: Parts,
  { snapshot, found }: Looks,
  o: { readonly profile: "fine" | undefined; readonly states: FileStates },
): EarlierPack | undefined {
  const held = read(parts, snapshot);
  if (held === undefined || held.index.profile !== o.profile) return undefined;
  const { index, segments } = held;
  const known: KnownPack = {
    index,
    exponent: snapshot.facts.exponent,
    isUnchanged(row, _entry, knownRow) {
      if (!snapshot.isUnchanged(knownRow, found, row)) return false;
      o.states.copy(row, snapshot, knownRow);
      return true;
    },
    hasSegment: (i) => parts.blobs.touch(segments[i] as PackBlob),
  };
  return { known, segments };
}

function read(
  parts: Parts,
  { facts: { manifest } }: Snapshot,
): { index: IndexReader; segments: readonly PackBlob[] } | undefined {
  try {
    const { index, segments } = parsePackManifest(whole(parts, manifest));
    return { index: openIndex(whole(parts, index)), segments };
  } catch (error) {
    // Removed or damaged meanwhile: whoever uses that pack will say so.
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}

function whole(parts: Parts, blob: PackBlob): Uint8Array {
  const bytes = parts.blobs.readWhole(blob);
  if (sha256(bytes) === blob.digest) return bytes;
  throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `a blob does not hold ${blob.digest}`);
}
