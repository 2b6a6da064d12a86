import { readFileSync } from "node:fs";
import type { Digest, DirHash } from "@ctxpack/identity";
import { CtxPackError, sha256 } from "@ctxpack/identity";
import { Blobs } from "./blobs.ts";
import { unlessMissing } from "./disk.ts";
import { prepareStore } from "./open.ts";
import { Places } from "./places.ts";
import { StatIndex } from "./stat-index.ts";
import { Unfinished } from "./unfinished.ts";
import { Workspace } from "./workspace.ts";

/** The lines of a `dirHash1` and what they hash to. */
export interface Listing {
  readonly digest: DirHash;
  readonly lines: Uint8Array;
}

/**
 * What resolving a contract asks of a store: digests of files that did not change since they were hashed, and a place
 * for the lines of every `dirHash1`. A part of its own, so that a program that only identifies need not load the rest.
 */
export class KnownDigests implements Disposable {
  /** Digests of files and trees, by their stat. */
  readonly digests: StatIndex;
  /** False in a store that can only be read: then nothing is remembered. */
  readonly writable: boolean;
  readonly #blobs: Blobs;
  readonly #workspace: Workspace;

  private constructor(places: Places, digests: StatIndex, readOnly: boolean) {
    const unfinished = new Unfinished(places.unfinished);
    this.writable = !readOnly;
    this.#workspace = new Workspace(places.temporary, { readOnly, unfinished });
    this.#blobs = new Blobs(places, this.#workspace);
    this.digests = digests;
  }

  /**
   * Those of the store in `dir`, which is created where it can be; `undefined` where it can neither be written nor
   * read: a contract has an identity all the same. Throws as `Store.open`.
   */
  static async open(
    dir: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<KnownDigests | undefined> {
    options.signal?.throwIfAborted();
    for (const readOnly of [false, true]) {
      const places = usablePlaces(dir, readOnly);
      if (places) return new KnownDigests(places, await openStatIndex(places, options), readOnly);
    }
    return undefined;
  }

  /** As `Store.keepListing`. */
  async keepListing(listing: Listing): Promise<void> {
    await keepListing(this.#blobs, listing);
  }

  /** Clears what was not finished. Digests are kept only by `digests.save`. */
  [Symbol.dispose](): void {
    this.#workspace.close();
  }
}

/** The stat index of a store; nothing is read yet. */
export function openStatIndex(
  places: Places,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<StatIndex> {
  const listing = (digest: Digest) => unlessMissing(() => readFileSync(places.blob(digest)));
  return StatIndex.open(places.statIndex, { ...options, listing });
}

/** Keeps the lines of a `dirHash1` as a blob, whose sha256 is the dirHash1. Throws CTXPACK_E_DIGEST_MISMATCH. */
export async function keepListing(blobs: Blobs, { digest, lines }: Listing): Promise<void> {
  const expected: Digest = `sha256:${digest.slice("dirHash1:".length)}`;
  if (blobs.touch({ digest: expected, size: lines.length })) return;
  const found = sha256(lines);
  if (found !== expected) {
    throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `the lines of ${digest} are ${found}`, {
      details: { expected: digest, found },
    });
  }
  await blobs.put(lines);
}

function usablePlaces(dir: string, readOnly: boolean): Places | undefined {
  try {
    return new Places(prepareStore(dir, { readOnly }));
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    // What cannot even be looked at is no store for whoever only reads: not there, or not for this user.
    if (readOnly || error.code === "CTXPACK_E_PERMISSION") return undefined;
    throw error;
  }
}
