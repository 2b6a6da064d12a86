import { createHash, type Hash } from "node:crypto";
import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import { type Entry, type FileEntry, isFileEntry, isLinkEntry } from "./entry.ts";
import { memberOf } from "./index-facts.ts";
import type { IndexReader } from "./index-reader.ts";
import { LONGEST_HEADER, roundToBlock, TRAILER, writeHeader } from "./tar.ts";

/** Takes what comes out of a pack. Calls come in the index's order, all synchronous. */
export interface UnpackSink {
  /** An empty folder. The folders that other entries imply are the sink's to make. */
  directory(path: string): void;
  /** A file begins: `write` gives its content, then `fileEnd` comes, or an error from the unpacker. */
  file(entry: FileEntry): void;
  /** The next bytes of the open file; valid during the call only. */
  write(bytes: Uint8Array): void;
  /** The open file is complete and has its digest. */
  fileEnd(entry: FileEntry): void;
  link(path: string, target: string): void;
}

/** The segments that hold content of the files that `select` picks, ascending. */
export function segmentsOf(index: IndexReader, select: (path: string) => boolean): number[] {
  const needed: number[] = [];
  let next = 0;
  for (let row = 0; row < index.count; row++) {
    if (index.kind(row) !== "file") continue;
    const { path, offset, size } = index.entry(row) as FileEntry;
    if (size === 0 || !select(path)) continue;
    for (; next < index.segments.length; next++) {
      const segment = index.segments[next] as { offset: number; size: number };
      if (segment.offset >= offset + size) break;
      if (segment.offset + segment.size > offset) needed.push(next);
    }
  }
  return needed;
}

const ZEROS: Buffer = Buffer.alloc(TRAILER);

/**
 * Turns segments back into files, links and folders. Feed it the uncompressed segments in ascending
 * order, all of them or those that `segmentsOf` names for the same `select`, then call `end`. What
 * lies between the contents has to be what the tar of the index has there, byte for byte; content
 * is hashed. A file that lies in one segment reaches the sink only when its digest was right.
 */
export class Unpacker {
  readonly #index: IndexReader;
  readonly #sink: UnpackSink;
  readonly #select: ((path: string) => boolean) | undefined;
  readonly #header: Buffer = Buffer.allocUnsafe(LONGEST_HEADER);
  /** The segment that may come next. */
  #next = 0;
  #row = -1;
  #entry: Entry | undefined;
  #selected = false;
  /** Positions in the tar of the row's header, content, padding and end. */
  #headerAt = 0;
  #contentAt = 0;
  #paddingAt = 0;
  #end = 0;
  /** How far the content of the row was given out, as a position in the tar. */
  #given = 0;
  #hasher: Hash | undefined;

  constructor(
    index: IndexReader,
    sink: UnpackSink,
    o: { select?: (path: string) => boolean } = {},
  ) {
    this.#index = index;
    this.#sink = sink;
    this.#select = o.select;
    this.#load();
  }

  /**
   * Takes in segment `i`, whole and uncompressed. Throws CTXPACK_E_DIGEST_MISMATCH for content that is
   * not what the index names, CTXPACK_E_PACK for a tar that is not the index's, CTXPACK_E_SIZE_MISMATCH.
   * Does not hash the segment itself: whoever remembers one by its digest has to.
   */
  segment(i: number, raw: Uint8Array): void {
    this.#admit(i, raw);
    const start = (this.#index.segments[i] as { offset: number }).offset;
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
    const end = start + bytes.length;
    for (let at = start; at < end; ) {
      while (this.#entry !== undefined && this.#end <= at) this.#leave();
      const to = Math.min(end, this.#partEnd(at));
      const part = bytes.subarray(at - start, to - start);
      if (this.#entry === undefined) this.#compare(part, ZEROS, at);
      else if (at < this.#contentAt) this.#compareHeader(part, at);
      else if (at < this.#paddingAt) this.#content(part, at);
      else this.#compare(part, ZEROS, at);
      at = to;
    }
    while (this.#entry !== undefined && this.#end <= end) this.#leave();
  }

  /** Ends: gives out what needs no content. Throws CTXPACK_E_PACK when a selected file is not complete. */
  end(): void {
    while (this.#entry !== undefined) this.#leave();
    const { length } = this.#index.segments;
    if (this.#select === undefined && this.#next !== length) throw this.#missing(this.#next);
  }

  #admit(i: number, raw: Uint8Array): void {
    const segment = this.#index.segments[i];
    if (segment === undefined || i < this.#next) {
      throw new RangeError(`segment ${i} cannot come now, ${this.#next} is next`);
    }
    if (this.#select === undefined && i !== this.#next) throw this.#missing(this.#next);
    if (raw.length !== segment.size) {
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `segment ${i} is ${raw.length} bytes, expected ${segment.size}`,
        { details: { segment: i, expected: segment.size, found: raw.length } },
      );
    }
    this.#next = i + 1;
  }

  /** Goes to the next row; past the last one, `#entry` is absent and only the trailer follows. */
  #load(): void {
    this.#row++;
    this.#headerAt = this.#end;
    this.#entry = this.#row < this.#index.count ? this.#index.entry(this.#row) : undefined;
    if (this.#entry === undefined) return;
    const size = isFileEntry(this.#entry) ? this.#entry.size : 0;
    this.#contentAt = this.#headerAt + writeHeader(this.#header, 0, memberOf(this.#entry));
    this.#paddingAt = this.#contentAt + size;
    this.#end = this.#contentAt + roundToBlock(size);
    this.#given = this.#contentAt;
    this.#selected = this.#select === undefined || this.#select(this.#entry.path);
  }

  /** Where the part of the tar that holds position `at` ends. */
  #partEnd(at: number): number {
    if (this.#entry === undefined) return this.#index.tarSize;
    if (at < this.#contentAt) return this.#contentAt;
    return at < this.#paddingAt ? this.#paddingAt : this.#end;
  }

  /** Gives out what the row still owes, and goes on. */
  #leave(): void {
    const entry = this.#entry as Entry;
    if (this.#selected) {
      if (isLinkEntry(entry)) this.#sink.link(entry.path, entry.link);
      else if (!isFileEntry(entry)) this.#sink.directory(entry.path);
      else if (entry.size === 0) this.#whole(entry, ZEROS.subarray(0, 0));
      else if (this.#given !== this.#paddingAt) throw this.#missing(this.#segmentAt(this.#given));
    }
    this.#load();
  }

  #content(part: Buffer, at: number): void {
    if (!this.#selected) return;
    const entry = this.#entry as FileEntry;
    if (at !== this.#given) throw this.#missing(this.#segmentAt(this.#given));
    this.#given += part.length;
    if (part.length === entry.size) {
      this.#whole(entry, part);
      return;
    }
    if (this.#hasher === undefined) {
      this.#sink.file(entry);
      this.#hasher = createHash("sha256");
    }
    this.#hasher.update(part);
    this.#sink.write(part);
    if (this.#given !== this.#paddingAt) return;
    const found: Digest = `sha256:${this.#hasher.digest("hex")}`;
    this.#hasher = undefined;
    checkDigest(JSON.stringify(entry.path), entry.digest, found);
    this.#sink.fileEnd(entry);
  }

  /** A file in one piece: nothing of it is given out before its digest is known. */
  #whole(entry: FileEntry, content: Uint8Array): void {
    checkDigest(JSON.stringify(entry.path), entry.digest, sha256(content));
    this.#sink.file(entry);
    if (content.length > 0) this.#sink.write(content);
    this.#sink.fileEnd(entry);
  }

  #compareHeader(part: Buffer, at: number): void {
    const from = at - this.#headerAt;
    this.#compare(part, this.#header.subarray(from, from + part.length), at);
  }

  #compare(part: Buffer, expected: Buffer, at: number): void {
    if (part.compare(expected, 0, part.length) === 0) return;
    let i = 0;
    while (part[i] === expected[i]) i++;
    const near = this.#entry === undefined ? "its end" : JSON.stringify(this.#entry.path);
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `the tar of a pack differs from what its index describes, at byte ${at + i}, near ${near}`,
      { details: { byte: at + i, expected: expected[i], found: part[i] } },
    );
  }

  #segmentAt(position: number): number {
    return this.#index.segments.findIndex((s) => position < s.offset + s.size);
  }

  #missing(segment: number): CtxPackError {
    const whose = this.#entry === undefined ? "" : ` (for ${JSON.stringify(this.#entry.path)})`;
    return new CtxPackError("CTXPACK_E_PACK", `segment ${segment} did not come${whose}`, {
      details: { segment },
    });
  }
}

function checkDigest(what: string, expected: Digest, found: Digest): void {
  if (found === expected) return;
  throw new CtxPackError(
    "CTXPACK_E_DIGEST_MISMATCH",
    `${what} has the digest ${found}, expected ${expected}`,
    { details: { expected, found } },
  );
}
