import { createHash, hash } from "node:crypto";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import {
  Chunker,
  firstExponent,
  LARGEST_EXPONENT,
  ownSegmentSize,
  type Profile,
  segmentGoal,
} from "./chunker.ts";
import type { IndexSegment } from "./entry.ts";
import { DigestColumn, type PackSummary, summarize } from "./index-writer.ts";
import { LIMITS } from "./limits.ts";
import type { Listing } from "./listing.ts";
import { LONGEST_HEADER, roundToBlock, TRAILER, writeHeader } from "./tar.ts";

/** How much is read before it is hashed and searched for cuts. */
const CHUNK = 2 ** 18;

/** Gives the content of a listing's files. Synchronous, so that it can run in a worker. */
export interface ContentReader {
  /**
   * Reads from file `row` of the listing, at `position`, as much as there is up to `into.length`;
   * returns the number of bytes, 0 only at the end. Rows come in order, each from its beginning.
   */
  read(row: number, into: Uint8Array, position: number): number;
  /** Called once for each row that was read from, also after a failure. */
  close(row: number): void;
}

/** What `packSteps` gives out, one after the other. */
export type PackStep =
  /**
   * A segment was cut. `bytes` are its uncompressed content, the beginning of the buffer it was cut in: valid until
   * the next step is asked for, or, with buffers from `take`, until the caller gives the buffer out again.
   */
  | {
      readonly kind: "segment";
      /** Counted from 0; the layer after the index is segment 0. */
      readonly index: number;
      /** In the tar. */
      readonly offset: number;
      readonly bytes: Uint8Array;
      /** Of `bytes`. */
      readonly digest: Digest;
    }
  /** There would be too many segments: all so far are void, and everything is read again. */
  | { readonly kind: "restart" }
  /** Progress: `bytes` of content were read and hashed since the beginning or the last restart. */
  | { readonly kind: "hashed"; readonly bytes: number };

/** How a listing becomes segments. */
export interface PackOptions {
  readonly profile?: Profile | undefined;
  /**
   * Gives a buffer of at least `room` bytes that nobody reads, asked for each segment, so that a segment need not be
   * copied to outlive the next step. `room` grows with a restart only. Without it one buffer is used again and again.
   */
  readonly take?: ((room: number) => Buffer) | undefined;
}

/**
 * Turns a sealed listing into segments, and at the end into what the index says, reading every file
 * once, in order (again after a `restart`). Holds one segment and a chunk: at most 2·avg + 256 KiB.
 * Throws CTXPACK_E_TREE when a file is not as long as it was listed, CTXPACK_E_TOO_LARGE past 3,999
 * segments or a 256 MiB index, and whatever the reader throws.
 */
export function* packSteps(
  listing: Listing,
  reader: ContentReader,
  o: PackOptions = {},
): Generator<PackStep, PackSummary, void> {
  const goal = segmentGoal(o.profile);
  for (let e = firstExponent(listing.tarSize, goal); ; e++) {
    const most = e < LARGEST_EXPONENT ? goal - 1 : LIMITS.segments;
    const writer = new Writer(listing, reader, { exponent: e, most, take: o.take });
    yield* writer.run();
    if (!writer.full) return summarize(listing, writer.digests, writer.segments, o.profile);
    if (e === LARGEST_EXPONENT) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `the output needs more than ${LIMITS.segments} segments`,
        { hint: "split the output into several contracts" },
      );
    }
    yield { kind: "restart" };
  }
}

/** One pass over the tar with one average segment size. */
class Writer {
  readonly segments: IndexSegment[] = [];
  readonly digests: DigestColumn;
  /** Whether more segments were found than may be; the pass ended there. */
  full = false;

  readonly #listing: Listing;
  readonly #reader: ContentReader;
  readonly #most: number;
  readonly #ownSegment: number;
  readonly #chunker: Chunker;
  readonly #take: () => Buffer;
  /** The open segment from its first byte on. */
  #buffer: Buffer;
  #filled = 0;
  #searched = 0;
  #offset = 0;
  #read = 0;

  constructor(
    listing: Listing,
    reader: ContentReader,
    o: { exponent: number; most: number; take: PackOptions["take"] },
  ) {
    const { exponent, take } = o;
    this.#listing = listing;
    this.#reader = reader;
    this.#most = o.most;
    this.#ownSegment = ownSegmentSize(exponent);
    this.#chunker = new Chunker(exponent);
    this.digests = new DigestColumn(listing.count);
    const longest = Math.min(2 * 2 ** exponent, listing.tarSize);
    const room = longest + CHUNK + LONGEST_HEADER + TRAILER;
    this.#take = take ? () => take(room) : reuse(Buffer.allocUnsafeSlow(room));
    this.#buffer = this.#take();
  }

  *run(): Generator<PackStep, void, void> {
    const listing = this.#listing;
    for (let row = 0; row < listing.count && !this.full; row++) {
      if (this.#filled - this.#searched >= CHUNK) yield* this.#search();
      this.#filled = writeHeader(this.#buffer, this.#filled, listing.member(row));
      if (listing.kind(row) !== "file") continue;
      const own = listing.size(row) >= this.#ownSegment;
      if (own) yield* this.#forceCut();
      yield* this.#file(row);
      if (own) yield* this.#forceCut();
    }
    if (this.full) return;
    this.#zeros(TRAILER);
    yield* this.#forceCut();
  }

  /** Reads one file to its end and pads it to a block. */
  *#file(row: number): Generator<PackStep, void, void> {
    const size = this.#listing.size(row);
    try {
      if (size < CHUNK) {
        // A small file lies in one piece, so that hashing it takes one call.
        if (this.#filled - this.#searched + size >= CHUNK) yield* this.#search();
        const start = this.#filled;
        this.#readTo(row, 0, size);
        this.digests.set(row, hash("sha256", this.#buffer.subarray(start, this.#filled), "hex"));
      } else {
        const hasher = createHash("sha256");
        for (let at = 0; at < size && !this.full; ) {
          yield* this.#search();
          const start = this.#filled;
          at = this.#readTo(row, at, Math.min(size, at + CHUNK));
          hasher.update(this.#buffer.subarray(start, this.#filled));
        }
        this.digests.set(row, hasher.digest("hex"));
      }
    } finally {
      this.#reader.close(row);
    }
    this.#zeros(roundToBlock(size) - size);
  }

  /** Reads a file's bytes from `at` to `end` into the buffer; at its end makes sure that no more follow. */
  #readTo(row: number, at: number, end: number): number {
    const last = end === this.#listing.size(row) ? 1 : 0;
    let position = at;
    while (position < end + last) {
      const from = this.#filled + position - at;
      const into = this.#buffer.subarray(from, from + end + last - position);
      const count = this.#reader.read(row, into, position);
      if (count === 0) break;
      position += count;
      if (position === end) break;
    }
    if (position !== end) {
      const listed = `was listed with ${this.#listing.size(row)} bytes`;
      const found = position > end ? "is longer now" : `has ${position} now`;
      const path = this.#listing.path(row);
      throw new CtxPackError("CTXPACK_E_TREE", `${JSON.stringify(path)} ${listed} and ${found}`, {
        hint: "let whatever writes there finish, then seed again",
        details: { path },
      });
    }
    this.#filled += end - at;
    this.#read += end - at;
    return end;
  }

  #zeros(count: number): void {
    this.#buffer.fill(0, this.#filled, this.#filled + count);
    this.#filled += count;
  }

  /** Searches what was not yet searched, and gives out the segments that end in it. */
  *#search(): Generator<PackStep, void, void> {
    while (this.#searched < this.#filled && !this.full) {
      const end = this.#chunker.next(this.#buffer, this.#searched, this.#filled);
      this.#searched = end < 0 ? this.#filled : end;
      if (end > 0) yield* this.#cut();
    }
    yield { kind: "hashed", bytes: this.#read };
  }

  *#forceCut(): Generator<PackStep, void, void> {
    yield* this.#search();
    if (this.#filled > 0 && !this.full) yield* this.#cut();
  }

  /** Gives out the segment that ends at `#searched`; the rest begins the next one. */
  *#cut(): Generator<PackStep, void, void> {
    if (this.segments.length === this.#most) {
      this.full = true;
      return;
    }
    const bytes = this.#buffer.subarray(0, this.#searched);
    const segment: IndexSegment = {
      digest: `sha256:${hash("sha256", bytes, "hex")}`,
      offset: this.#offset,
      size: bytes.length,
    };
    const index = this.segments.push(segment) - 1;
    yield { kind: "segment", index, offset: segment.offset, bytes, digest: segment.digest };
    this.#offset += bytes.length;
    const next = this.#take();
    this.#buffer.copy(next, 0, this.#searched, this.#filled);
    this.#buffer = next;
    this.#filled -= this.#searched;
    this.#searched = 0;
    this.#chunker.restart();
  }
}

/** The one buffer, whenever asked. */
function reuse(buffer: Buffer): () => Buffer {
  return () => buffer;
}
