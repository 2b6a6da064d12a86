import { createHash } from "node:crypto";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Profile } from "./chunker.ts";
import type { IndexSegment } from "./entry.ts";
import { LIMITS } from "./limits.ts";
import type { Listing } from "./listing.ts";
import { headerSize, roundToBlock } from "./tar.ts";

/** Text is turned into bytes in pieces of this many bytes. */
const PIECE = 65_536;

/** What seeding a tree gave: everything the index and the manifest say. */
export interface PackSummary {
  /** The tree digest. */
  readonly tree: Digest;
  /** Number of entries. */
  readonly entries: number;
  /** Number of file entries. */
  readonly files: number;
  /** Sum of their sizes. */
  readonly bytes: number;
  /** Length of the tar in bytes. */
  readonly tarSize: number;
  readonly profile?: Profile;
  /** log2 of the average segment. */
  readonly exponent: number;
  readonly segments: readonly IndexSegment[];
  /** The index, uncompressed, in pieces, each valid until the next one is asked for. */
  indexChunks(): Iterable<Uint8Array>;
  /** The index, uncompressed, in one piece; at most 256 MiB. */
  indexBytes(): Uint8Array;
  /** Gives back what the index is made from, the rows of the listing too: it cannot be asked for again. */
  clear(): void;
}

/** Digests of a listing's files by row, 32 bytes each. */
export class DigestColumn {
  #bytes: Buffer<ArrayBuffer>;

  constructor(rows: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(rows * 32));
  }

  clear(): void {
    this.#bytes = Buffer.from(this.#bytes.buffer.transfer(0));
  }

  set(row: number, hex: string): void {
    this.#bytes.write(hex, row * 32, 32, "hex");
  }

  hex(row: number): string {
    return this.#bytes.toString("hex", row * 32, row * 32 + 32);
  }
}

/**
 * Puts together what is known once every file was read. Throws CTXPACK_E_TOO_LARGE when the index
 * would be over 256 MiB.
 */
export function summarize(
  listing: Listing,
  written: {
    readonly digests: DigestColumn;
    readonly segments: readonly IndexSegment[];
    readonly exponent: number;
    readonly profile: Profile | undefined;
  },
): PackSummary {
  const { digests, segments, exponent, profile } = written;
  const tree = treeDigest(listing, digests);
  const chunks = (): Iterable<Uint8Array> =>
    pieces(indexText(listing, digests, segments, profile, tree));
  let size = 0;
  for (const chunk of chunks()) size += chunk.length;
  if (size > LIMITS.index) {
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `the index of the output would be ${size} bytes, at most ${LIMITS.index} are allowed`,
      { hint: "pack many small files into fewer, or split the output into several contracts" },
    );
  }
  return {
    tree,
    ...countRows(listing),
    bytes: listing.bytes,
    tarSize: listing.tarSize,
    exponent,
    ...(profile !== undefined && { profile }),
    segments,
    indexChunks: chunks,
    indexBytes: () => joined(chunks(), size),
    clear() {
      listing.clear();
      digests.clear();
    },
  };
}

/** What the index has, counted row by row. */
function countRows(listing: Listing): Pick<PackSummary, "entries" | "files"> {
  let files = 0;
  for (let row = 0; row < listing.count; row++) if (listing.kind(row) === "file") files += 1;
  return { entries: listing.count, files };
}

/** In one piece, without ever holding all the others. */
function joined(chunks: Iterable<Uint8Array>, size: number): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** sha256 of the canonical JSON array of the entries without `offset` and `key` (DESIGN §2). */
function treeDigest(listing: Listing, digests: DigestColumn): Digest {
  const hasher = createHash("sha256");
  for (const piece of pieces(treeText(listing, digests))) hasher.update(piece);
  return `sha256:${hasher.digest("hex")}`;
}

function* treeText(listing: Listing, digests: DigestColumn): Generator<string, void> {
  yield "[";
  for (let row = 0; row < listing.count; row++) {
    if (row > 0) yield ",";
    if (listing.kind(row) === "file") {
      const exec = listing.exec(row) ? ',"exec":true' : "";
      const path = JSON.stringify(listing.path(row));
      const size = listing.size(row);
      yield `{"digest":"sha256:${digests.hex(row)}"${exec},"path":${path},"size":${size}}`;
    } else {
      yield nameText(listing, row);
    }
  }
  yield "]";
}

function* indexText(
  listing: Listing,
  digests: DigestColumn,
  segments: readonly IndexSegment[],
  profile: Profile | undefined,
  tree: Digest,
): Generator<string, void> {
  yield '{"entries":[';
  let at = 0;
  for (let row = 0; row < listing.count; row++) {
    if (row > 0) yield ",";
    at += headerSize(listing.member(row));
    yield listing.kind(row) === "file"
      ? fileText(listing, row, digests.hex(row), at)
      : nameText(listing, row);
    at += roundToBlock(listing.size(row));
  }
  yield profile === undefined ? "]" : `],"profile":"${profile}"`;
  yield ',"schema":"ctxpack.index/v1","segments":[';
  for (const [i, { digest, offset, size }] of segments.entries()) {
    yield `${i > 0 ? "," : ""}{"digest":"${digest}","offset":${offset},"size":${size}}`;
  }
  yield `],"tree":"${tree}"}`;
}

function fileText(listing: Listing, row: number, hex: string, offset: number): string {
  const exec = listing.exec(row) ? ',"exec":true' : "";
  const key = listing.key(row);
  const item = key === undefined ? "" : `,"key":"${key}"`;
  const path = JSON.stringify(listing.path(row));
  const size = listing.size(row);
  return `{"digest":"sha256:${hex}"${exec}${item},"offset":${offset},"path":${path},"size":${size}}`;
}

function nameText(listing: Listing, row: number): string {
  const path = JSON.stringify(listing.path(row));
  if (listing.kind(row) === "directory") return `{"dir":true,"path":${path}}`;
  return `{"link":${JSON.stringify(listing.target(row))},"path":${path}}`;
}

/**
 * Texts as bytes, in pieces that are valid until the next one: written at once, since a string that grows leaves its
 * weight many times over as garbage, and always to the same place, since so do buffers.
 */
function* pieces(texts: Iterable<string>): Generator<Uint8Array, void> {
  let piece = Buffer.allocUnsafeSlow(PIECE);
  let filled = 0;
  for (const text of texts) {
    // Each UTF-16 unit becomes at most three bytes.
    const most = text.length * 3;
    if (filled + most > piece.length) {
      if (filled > 0) yield piece.subarray(0, filled);
      if (most > piece.length) piece = Buffer.allocUnsafeSlow(most);
      filled = 0;
    }
    filled += piece.write(text, filled, "utf8");
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
