import { compareBytewise, type Digest } from "@ctxpack/identity";
import { type Entry, type FileEntry, isFileEntry } from "./entry.ts";
import { memberOf } from "./index-facts.ts";
import type { IndexReader } from "./index-reader.ts";
import type { Listing } from "./listing.ts";
import { headerSize, roundToBlock, type TarMember, TRAILER } from "./tar.ts";

/** An earlier pack, and what can be told of it without opening a file. */
export interface KnownPack {
  readonly index: IndexReader;
  /** log2 of the average segment it was cut with. */
  readonly exponent: number;
  /** Whether the file in `row` of the listing holds the content of `entry`, row `knownRow` of `index`. */
  isUnchanged(row: number, entry: FileEntry, knownRow: number): boolean;
  /** Whether the blob of segment `i` is at hand. */
  hasSegment(i: number): boolean;
}

/** A segment of the earlier pack that the new tar has again. */
export interface KnownSegment {
  /** Its number in the earlier pack. */
  readonly segment: number;
  readonly digest: Digest;
  readonly size: number;
  /** Rows of the listing whose header, content or padding it holds, the last one included. */
  readonly first: number;
  readonly last: number;
}

/**
 * Finds segments of an earlier pack that come again, from the listing alone. Where a segment begins, the hash has
 * nothing to remember but bytes that `Chunker` skips: the segment's end depends on the bytes in it and on nothing
 * before it. So if the rows it holds are the same, in a tar cut with the same average, so is the segment.
 */
export class KnownSegments {
  readonly #known: KnownPack;
  readonly #listing: Listing;
  /** Where the header of each row begins in the tar; then the trailer. */
  readonly #starts: Float64Array;
  /** The row of the earlier pack that each row is, or -1; and where it begins there. */
  readonly #rows: Int32Array;
  readonly #knownStarts: Float64Array;
  readonly #segments: ReadonlyMap<number, number>;

  constructor(listing: Listing, known: KnownPack) {
    this.#known = known;
    this.#listing = listing;
    this.#starts = new Float64Array(listing.count + 1);
    this.#rows = new Int32Array(listing.count).fill(-1);
    this.#knownStarts = new Float64Array(listing.count);
    this.#segments = new Map(known.index.segments.map(({ offset }, i) => [offset, i]));
    this.#compare();
  }

  /** The segment of the earlier pack that begins at `position` of the tar, where a segment has just been cut. */
  at(position: number): KnownSegment | undefined {
    const { row: first, from } = this.place(position);
    const knownRow = this.#rows[first] ?? -1;
    if (knownRow < 0) return undefined;
    const start = (this.#knownStarts[first] as number) + from;
    const segment = this.#segments.get(start);
    if (segment === undefined) return undefined;
    const { digest, size } = this.#known.index.segments[segment] as {
      digest: Digest;
      size: number;
    };
    const last = this.#lastRow(first, start + size);
    if (last === undefined || !this.#known.hasSegment(segment)) return undefined;
    return { segment, digest, size, first, last };
  }

  /** The row that holds byte `position` of the tar, and how far into its header it is; `count` for the trailer. */
  place(position: number): { row: number; from: number } {
    let low = 0;
    for (let high = this.#starts.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= position) low = middle;
      else high = middle;
    }
    return { row: low, from: position - (this.#starts[low] as number) };
  }

  /** The digest of the file in a row that the earlier pack has, 64 hex. */
  digest(row: number): string | undefined {
    const entry = this.#known.index.entry(this.#rows[row] as number);
    return isFileEntry(entry) ? entry.digest.slice("sha256:".length) : undefined;
  }

  /** The last row that a segment holds, if all from `first` on follow one another in the earlier pack as they do now. */
  #lastRow(first: number, end: number): number | undefined {
    const knownFirst = this.#rows[first] as number;
    const { index } = this.#known;
    for (let row = first; row < this.#listing.count; row++) {
      if (this.#rows[row] !== knownFirst + row - first) return undefined;
      const size = (this.#starts[row + 1] as number) - (this.#starts[row] as number);
      if ((this.#knownStarts[row] as number) + size >= end) return row;
    }
    // It holds the trailer, or a part of it: the tar ended there then as it does now.
    const isEnd = knownFirst + this.#listing.count - first === index.count;
    return isEnd && end <= index.tarSize ? this.#listing.count - 1 : undefined;
  }

  /** Goes through both lists of paths, which are sorted alike. */
  #compare(): void {
    const { index } = this.#known;
    const listing = this.#listing;
    let start = 0;
    let knownStart = 0;
    let knownRow = 0;
    for (let row = 0; row < listing.count; row++) {
      const member = listing.member(row);
      this.#starts[row] = start;
      start += headerSize(member) + roundToBlock(member.size);
      for (; knownRow < index.count; knownRow++) {
        const entry = index.entry(knownRow);
        const order = compareBytewise(entry.path, member.path);
        if (order > 0) break;
        const other = memberOf(entry);
        if (order === 0 && isSame(member, other) && this.#isUnchanged(row, entry, knownRow)) {
          this.#rows[row] = knownRow;
          this.#knownStarts[row] = knownStart;
        }
        knownStart += headerSize(other) + roundToBlock(other.size);
      }
    }
    this.#starts[listing.count] = start;
    if (start + TRAILER !== listing.tarSize) throw new RangeError("the rows are not the tar");
  }

  #isUnchanged(row: number, entry: Entry, knownRow: number): boolean {
    return !isFileEntry(entry) || this.#known.isUnchanged(row, entry, knownRow);
  }
}

function isSame(a: TarMember, b: TarMember): boolean {
  return a.kind === b.kind && a.size === b.size && a.exec === b.exec && a.target === b.target;
}
