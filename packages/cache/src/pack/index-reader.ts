import { isUtf8 } from "node:buffer";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Profile } from "./chunker.ts";
import { Cursor } from "./cursor.ts";
import {
  type Entry,
  type EntryKind,
  type FileEntry,
  type IndexSegment,
  isLinkEntry,
} from "./entry.ts";
import { foldings } from "./folding.ts";
import { decompressFrame } from "./frame.ts";
import { frameContentSize } from "./frame-header.ts";
import { kindAt, readEntry, readExtent, readPath } from "./index-entry.ts";
import { type IndexFacts, MARKED, memberOf, readIndex } from "./index-facts.ts";
import { IndexText, type ReadIndexBytes } from "./index-text.ts";
import { LIMITS } from "./limits.ts";
import { Links } from "./links.ts";
import { firstRow, type Names } from "./names.ts";
import type { SegmentRows, SharedRows } from "./segment-rows.ts";
import { headerSize, roundToBlock } from "./tar.ts";
import { checkWalk, walkFiles } from "./walk.ts";

/**
 * The index of a pack: checked whole when opened, read row by row from its bytes. Entries are made
 * when they are asked for; nothing holds all of them.
 */
export class IndexReader implements Names {
  readonly #text: IndexText;
  readonly #facts: IndexFacts;
  readonly #links: Links;

  /**
   * Opens an uncompressed index; the bytes are kept and must not change. Throws CTXPACK_E_PACK for
   * anything but the canonical index of a tree that `Listing` would accept, in segments that follow
   * one another and cover its tar.
   */
  static open(bytes: Uint8Array): IndexReader {
    if (bytes.length > LIMITS.index) throw tooLarge(bytes.length);
    const cursor = new Cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (!isUtf8(bytes)) throw cursor.refuse("the bytes are not UTF-8");
    const reader = new IndexReader(cursor, readIndex(cursor));
    cursor.isChecked = true;
    if (!reader.#facts.plain) checkWalk(reader, reader.#links, "CTXPACK_E_PACK");
    return reader;
  }

  /** Opens an index from its blob, one zstd frame. Throws CTXPACK_E_PACK. */
  static fromFrame(frame: Uint8Array): IndexReader {
    return IndexReader.open(decompressIndex(frame));
  }

  private constructor(cursor: Cursor, facts: IndexFacts) {
    this.#text = new IndexText(cursor);
    this.#facts = facts;
    this.#links = new Links(this, "CTXPACK_E_PACK");
  }

  /** The tree digest. */
  get tree(): Digest {
    return this.#facts.tree;
  }

  get profile(): Profile | undefined {
    return this.#facts.profile;
  }

  get segments(): readonly IndexSegment[] {
    return this.#facts.segments;
  }

  /** Length of the tar in bytes. */
  get tarSize(): number {
    return this.#facts.tarSize;
  }

  /** Number of file entries. */
  get files(): number {
    return this.#facts.files;
  }

  /** Number of entries without content: links, folders and empty files. */
  get hollow(): number {
    return this.#facts.hollow;
  }

  /** Sum of the files' sizes. */
  get bytes(): number {
    return this.#facts.bytes;
  }

  /** Number of entries. */
  get count(): number {
    return this.#facts.count;
  }

  /** The entry in `row`, rows sorted bytewise by path. */
  entry(row: number): Entry {
    return readEntry(this.#seek(row));
  }

  /**
   * The entry whose header, content or padding holds byte `position` of the tar, and where its header begins; the
   * number of entries for what comes after the last one.
   */
  rowAt(position: number): { row: number; at: number } {
    const { marks } = this.#facts;
    let low = 0;
    for (let high = marks.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((marks[middle] as number) <= position) low = middle;
      else high = middle;
    }
    let at = marks[low] ?? 0;
    let row = low * MARKED;
    for (; row < this.count; row++) {
      const end = this.#tarEnd(row, at);
      if (end > position) break;
      at = end;
    }
    return { row, at };
  }

  /** Where the tar goes on after `row`, whose header begins at `at`. */
  #tarEnd(row: number, at: number): number {
    const cursor = this.#seek(row);
    if (kindAt(cursor) !== "file") return at + headerSize(memberOf(readEntry(cursor)));
    const { offset, size } = readExtent(cursor);
    return offset + roundToBlock(size);
  }

  /** The rows that segment `number` holds something of. */
  segmentRows(number: number): SegmentRows {
    const { segment, at, first, end } = this.#rowsIn(number);
    const entry = (row: number): Entry => this.entry(row);
    return {
      segment,
      number,
      at,
      *entries() {
        for (let row = first; row < end; row++) yield entry(row);
      },
    };
  }

  /** `segmentRows` for another thread. */
  shareRows(number: number): SharedRows {
    const { segment, at, first, end } = this.#rowsIn(number);
    const { rows } = this.#facts;
    const from = first < this.count ? (rows[first] as number) : 0;
    const to = first < end ? this.#endOf(end - 1) : from;
    // Copies: what is sent must not take the whole index along.
    const bytes = this.#text.copy(from, to);
    const starts = rows.slice(first, end).map((start) => start - from);
    return { segment, number, at, bytes, starts };
  }

  /** Every entry, in order. */
  *entries(): Generator<Entry, void, void> {
    for (let row = 0; row < this.count; row++) yield this.entry(row);
  }

  /** The entry at exactly `path`; links are not followed, folders that entries imply have none. */
  find(path: string): Entry | undefined {
    const row = firstRow(this, path);
    const entry = row < this.count ? this.entry(row) : undefined;
    return entry?.path === path ? entry : undefined;
  }

  /** The file that `path` leads to, links on the way and at its end followed; no other kind. */
  findFile(path: string): FileEntry | undefined {
    const end = this.#links.at(path);
    return end?.kind === "file" ? (this.entry(end.row) as FileEntry) : undefined;
  }

  /** A path in every folder in which something lies: of few rows, where there are few folders. */
  *pathInEachFolder(): Generator<string, void, void> {
    for (const row of this.#facts.firsts) yield this.path(row);
  }

  path(row: number): string {
    return readPath(this.#seek(row));
  }

  kind(row: number): EntryKind {
    return kindAt(this.#seek(row));
  }

  /** The size of a file in bytes; 0 of what is none. */
  size(row: number): number {
    const cursor = this.#seek(row);
    return kindAt(cursor) === "file" ? readExtent(cursor).size : 0;
  }

  target(row: number): string {
    const entry = this.entry(row);
    return isLinkEntry(entry) ? entry.link : "";
  }

  /**
   * The files of the output as a walk of it sees them that follows links, as `find -L` does: what
   * `dirHash1` is computed from (DESIGN §4.2, pack inputs). In no particular order.
   */
  *outputFiles(): Generator<{ path: string; digest: Digest }, void, void> {
    for (const { path, row } of walkFiles(this, this.#links)) {
      yield { path, digest: (this.entry(row) as FileEntry).digest };
    }
  }

  /** Pairs of names that some file systems take for one: other case, other composition. */
  foldings(): [string, string][] {
    return foldings(this);
  }

  /**
   * Has the entries read with `read` from now on, byte by byte what the index was opened from: gives back those bytes,
   * which it needs no more. For whoever goes through the rows in order and has other use for the memory.
   */
  leave(read: ReadIndexBytes): Uint8Array {
    const { rows, count } = this.#facts;
    const { bytes } = this.#text;
    const end = count > 0 ? this.#endOf(count - 1) : 0;
    this.#text.leave(rows.subarray(0, count), end, read);
    return bytes;
  }

  #rowsIn(number: number): { segment: IndexSegment; at: number; first: number; end: number } {
    const segment = this.segments[number];
    if (segment === undefined) throw new RangeError(`there is no segment ${number}`);
    const { offset, size } = segment;
    const { row: first, at } = this.rowAt(offset);
    const { row: last } = this.rowAt(offset + size - 1);
    return { segment, at, first, end: Math.min(this.count, last + 1) };
  }

  /** Where an entry ends in the index. */
  #endOf(row: number): number {
    this.entry(row);
    return this.#text.at;
  }

  #seek(row: number): Cursor {
    if (row < 0 || row >= this.count) throw new RangeError(`row ${row} of ${this.count}`);
    return this.#text.seek(this.#facts.rows[row] as number);
  }
}

/** The bytes of an index from its blob, for `IndexReader.open`. Throws CTXPACK_E_PACK. */
export function decompressIndex(frame: Uint8Array): Uint8Array {
  const size = frameContentSize(frame);
  if (size > LIMITS.index) throw tooLarge(size);
  return decompressFrame(frame, size);
}

function tooLarge(size: number): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PACK",
    `the index of a pack is ${size} bytes, at most ${LIMITS.index} are allowed`,
  );
}
