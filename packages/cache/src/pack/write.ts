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
import { type KnownPack, type KnownSegment, KnownSegments } from "./known.ts";
import { LIMITS } from "./limits.ts";
import type { Listing } from "./listing.ts";
import { LONGEST_HEADER, roundToBlock, TRAILER, writeHeader } from "./tar.ts";

/** How much is read before it is hashed and searched for cuts. */
const CHUNK = 2 ** 18;

/** Gives the content of a listing's files. Synchronous, so that it can run in a worker. */
export interface ContentReader {
  /**
   * Reads from file `row` of the listing, at `position`, as much as there is up to `into.length`;
   * returns the number of bytes, 0 only at the end. Rows come in order, each read forward and without a gap, from
   * its beginning unless that is known.
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
  /** The next segment is one of the earlier pack: nothing of it was read. */
  | ({ readonly kind: "known"; readonly index: number; readonly offset: number } & Omit<
      KnownSegment,
      "first" | "last"
    >)
  /** There would be too many segments: all so far are void, and everything is read again. */
  | { readonly kind: "restart" }
  /** Progress: `bytes` of content were read and hashed since the beginning or the last restart. */
  | { readonly kind: "hashed"; readonly bytes: number };

/** How a listing becomes segments. */
export interface PackOptions {
  readonly profile?: Profile | undefined;
  /**
   * Gives a buffer of at least `room` bytes that nobody reads, asked for each segment, so that a segment need not be
   * copied to outlive the next step: one that was given out is not looked at again. `room` grows with a restart only.
   * Without it one buffer is used again and again.
   */
  readonly take?: ((room: number) => Buffer) | undefined;
  /** An earlier pack of what was much the same: its segments are not read again where nothing has changed. */
  readonly known?: KnownPack | undefined;
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
    const known = o.known?.exponent === e ? new KnownSegments(listing, o.known) : undefined;
    const writer = new Writer(listing, reader, { exponent: e, most, take: o.take, known });
    yield* writer.run();
    if (!writer.full) {
      const { digests, segments } = writer;
      return summarize(listing, { digests, segments, exponent: e, profile: o.profile });
    }
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

interface WriterOptions {
  readonly exponent: number;
  /** More segments than this end the pass. */
  readonly most: number;
  readonly take: PackOptions["take"];
  readonly known: KnownSegments | undefined;
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
  /** What was read beyond a cut, while the buffer it was read into is being given out. */
  readonly #rest: Buffer;
  readonly #known: KnownSegments | undefined;
  /** The open segment from its first byte on. */
  #buffer: Buffer;
  #filled = 0;
  #searched = 0;
  /** Of the open segment's first byte in the tar. */
  #offset = 0;
  /** Segments were passed over: reading goes on at `#offset`. */
  #passed = false;
  #read = 0;

  constructor(listing: Listing, reader: ContentReader, o: WriterOptions) {
    const { exponent, take } = o;
    this.#listing = listing;
    this.#reader = reader;
    this.#most = o.most;
    this.#known = o.known;
    this.#ownSegment = ownSegmentSize(exponent);
    this.#chunker = new Chunker(exponent);
    this.digests = new DigestColumn(listing.count);
    const longest = Math.min(2 * 2 ** exponent, listing.tarSize);
    const room = longest + CHUNK + LONGEST_HEADER + TRAILER;
    this.#take = take ? () => take(room) : reuse(Buffer.allocUnsafeSlow(room));
    this.#rest = Buffer.allocUnsafeSlow(CHUNK + LONGEST_HEADER + TRAILER);
    this.#buffer = this.#take();
  }

  *run(): Generator<PackStep, void, void> {
    yield* this.#pass();
    do {
      this.#passed = false;
      yield* this.#readOn(this.#known?.place(this.#offset) ?? { row: 0, from: 0 });
    } while (this.#passed && !this.full);
  }

  /** Reads the tar from a row on, `from` bytes into it, to its end or until segments are passed over. */
  *#readOn({ row, from }: { row: number; from: number }): Generator<PackStep, void, void> {
    const listing = this.#listing;
    let skip = from;
    for (let at = row; at < listing.count; at++) {
      yield* this.#member(at, skip);
      if (this.full || this.#passed) return;
      skip = 0;
    }
    this.#zeros(TRAILER - skip);
    yield* this.#forceCut();
  }

  /** Puts the header and the content of a row into the tar, but for the first `skip` bytes. */
  *#member(row: number, skip: number): Generator<PackStep, void, void> {
    const listing = this.#listing;
    if (this.#filled - this.#searched >= CHUNK) yield* this.#search();
    if (this.#passed) return;
    const start = this.#filled;
    const header = writeHeader(this.#buffer, start, listing.member(row)) - start;
    this.#filled += Math.max(0, header - skip);
    if (skip > 0 && skip < header) this.#buffer.copyWithin(start, start + skip, start + header);
    if (listing.kind(row) !== "file") return;
    const own = listing.size(row) >= this.#ownSegment;
    if (own) yield* this.#forceCut();
    if (!this.#passed) yield* this.#file(row, skip === 0 ? undefined : Math.max(0, skip - header));
    if (own && !this.#passed) yield* this.#forceCut();
  }

  /** Reads one file to its end and pads it to a block. With `from` its digest is known, and that is where to begin. */
  *#file(row: number, from?: number): Generator<PackStep, void, void> {
    const size = this.#listing.size(row);
    const end = roundToBlock(size);
    const begin = from ?? 0;
    try {
      if (size < CHUNK && from === undefined) {
        // A small file lies in one piece, so that hashing it takes one call.
        if (this.#filled - this.#searched + size >= CHUNK) yield* this.#search();
        if (this.#passed) return;
        const start = this.#filled;
        this.#readTo(row, 0, size);
        this.digests.set(row, hash("sha256", this.#buffer.subarray(start, this.#filled), "hex"));
      } else {
        const hasher = from === undefined ? createHash("sha256") : undefined;
        for (let at = begin; at < size && !this.full; ) {
          yield* this.#search();
          if (this.#passed) return;
          const start = this.#filled;
          at = this.#readTo(row, at, Math.min(size, at + CHUNK));
          hasher?.update(this.#buffer.subarray(start, this.#filled));
        }
        if (hasher) this.digests.set(row, hasher.digest("hex"));
      }
    } finally {
      this.#reader.close(row);
    }
    this.#zeros(end - Math.max(size, begin));
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
    const bytes = this.#buffer.subarray(0, this.#searched);
    const digest: Digest = `sha256:${hash("sha256", bytes, "hex")}`;
    const at = this.#add(digest, bytes.length);
    if (at === undefined) return;
    this.#filled = this.#buffer.copy(this.#rest, 0, this.#searched, this.#filled);
    yield { kind: "segment", ...at, bytes, digest };
    this.#buffer = this.#take();
    this.#rest.copy(this.#buffer, 0, 0, this.#filled);
    this.#searched = 0;
    this.#chunker.restart();
    yield* this.#pass();
  }

  /** Passes over the segments of the earlier pack that come next; what was read beyond the cut is read again. */
  *#pass(): Generator<PackStep, void, void> {
    const known = this.#known;
    if (known === undefined) return;
    for (;;) {
      const found = known.at(this.#offset);
      if (found === undefined) return;
      const { segment, digest, size, first, last } = found;
      const at = this.#add(digest, size);
      if (at === undefined) return;
      for (let row = first; row <= last; row++) {
        const hex = known.digest(row);
        if (hex !== undefined) this.digests.set(row, hex);
      }
      this.#passed = true;
      this.#filled = 0;
      this.#searched = 0;
      this.#read += size;
      yield { kind: "known", ...at, segment, digest, size };
    }
  }

  /** Takes a segment into the list: where it stands; `undefined` when there are too many. */
  #add(digest: Digest, size: number): { index: number; offset: number } | undefined {
    if (this.segments.length === this.#most) {
      this.full = true;
      return undefined;
    }
    const offset = this.#offset;
    const index = this.segments.push({ digest, offset, size }) - 1;
    this.#offset += size;
    return { index, offset };
  }
}

/** The one buffer, whenever asked. */
function reuse(buffer: Buffer): () => Buffer {
  return () => buffer;
}
