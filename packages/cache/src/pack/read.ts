import { createHash, type Hash } from "node:crypto";
import { CtxPackError, sha256 } from "@ctxpack/identity";
import { type FileEntry, isFileEntry, isLinkEntry } from "./entry.ts";
import type { IndexReader } from "./index-reader.ts";
import { expectDigest, type FilePart } from "./segment.ts";

/**
 * Takes what comes out of a pack: files that lie in several segments in their order, then files without content, empty folders and
 * links in the order of the index. Every call is synchronous.
 */
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

/** Gives a whole file to a sink. */
export function giveWhole(sink: UnpackSink, entry: FileEntry, content: Uint8Array): void {
  sink.file(entry);
  if (content.length > 0) sink.write(content);
  sink.fileEnd(entry);
}

/**
 * Puts together what `readSegment` leaves of the segments of a pack: files that lie in several, and what needs no
 * content. Feed it the slices that were returned for each segment, in ascending order, for all of them or for those that
 * `segmentsOf` names for the same `select`, then call `end`. Content is hashed.
 */
export class Unpacker {
  readonly #index: IndexReader;
  readonly #sink: UnpackSink;
  readonly #select: ((path: string) => boolean) | undefined;
  /** The segments that have to come, ascending, and how many of them did. */
  readonly #needed: readonly number[];
  #come = 0;
  /** The file that goes on in the next segment. */
  #open: { readonly entry: FileEntry; readonly hasher: Hash; given: number } | undefined;

  constructor(
    index: IndexReader,
    sink: UnpackSink,
    o: { select?: ((path: string) => boolean) | undefined } = {},
  ) {
    this.#index = index;
    this.#sink = sink;
    this.#select = o.select;
    this.#needed = o.select ? segmentsOf(index, o.select) : [...index.segments.keys()];
  }

  /** The segments that have to come, in this order. */
  get needed(): readonly number[] {
    return this.#needed;
  }

  /**
   * Takes in a slice that `readSegment` returned for segment `i`, or a piece of one, in order. Throws CTXPACK_E_PACK
   * for a gap, CTXPACK_E_DIGEST_MISMATCH for a file that is not what the index names, before its `fileEnd`.
   */
  part(i: number, part: FilePart): void {
    this.#expect(i);
    this.#part(part);
  }

  /** Nothing more comes of segment `i`. Throws CTXPACK_E_PACK for a gap. */
  segmentEnd(i: number): void {
    this.#expect(i);
    this.#come += 1;
  }

  #expect(i: number): void {
    if (i < (this.#needed[this.#come] ?? Number.POSITIVE_INFINITY)) {
      throw new RangeError(`segment ${i} cannot come now, ${this.#needed[this.#come]} is next`);
    }
    if (i !== this.#needed[this.#come]) throw this.#missing();
  }

  /** Ends: gives out what needs no content. Throws CTXPACK_E_PACK when a segment did not come. */
  end(): void {
    if (this.#come < this.#needed.length) throw this.#missing();
    if (this.#index.hollow === 0) return;
    for (let row = 0; row < this.#index.count; row++) {
      if (this.#index.size(row) > 0) continue;
      const entry = this.#index.entry(row);
      if (this.#select !== undefined && !this.#select(entry.path)) continue;
      if (isLinkEntry(entry)) this.#sink.link(entry.path, entry.link);
      else if (!isFileEntry(entry)) this.#sink.directory(entry.path);
      else this.#empty(entry);
    }
  }

  #empty(entry: FileEntry): void {
    const nothing = new Uint8Array(0);
    expectDigest(entry, sha256(nothing));
    giveWhole(this.#sink, entry, nothing);
  }

  #part({ entry, position, bytes }: FilePart): void {
    if (position === 0) {
      this.#open = { entry, hasher: createHash("sha256"), given: 0 };
      this.#sink.file(entry);
    }
    const open = this.#open;
    if (open?.entry.path !== entry.path || open.given !== position) throw this.#missing();
    open.hasher.update(bytes);
    open.given += bytes.length;
    this.#sink.write(bytes);
    if (open.given < entry.size) return;
    this.#open = undefined;
    expectDigest(entry, `sha256:${open.hasher.digest("hex")}`);
    this.#sink.fileEnd(entry);
  }

  #missing(): CtxPackError {
    const segment = this.#needed[this.#come] ?? this.#index.segments.length;
    const { offset = 0 } = this.#index.segments[segment] ?? {};
    const { row } = this.#index.rowAt(offset);
    const whose = row < this.#index.count ? ` (for ${JSON.stringify(this.#index.path(row))})` : "";
    return new CtxPackError("CTXPACK_E_PACK", `segment ${segment} did not come${whose}`, {
      details: { segment },
    });
  }
}
