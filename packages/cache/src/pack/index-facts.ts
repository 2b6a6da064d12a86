import { createHash, type Hash } from "node:crypto";
import type { Digest } from "@ctxpack/identity";
import type { Profile } from "./chunker.ts";
import type { Cursor } from "./cursor.ts";
import { type Entry, type IndexSegment, isFileEntry, isLinkEntry } from "./entry.ts";
import { type EntrySpan, kindAt, readEntry, readFileMember } from "./index-entry.ts";
import { LIMITS } from "./limits.ts";
import { OrderCheck } from "./names.ts";
import { checkPath, checkTarget, refuseEntry } from "./path.ts";
import { headerSize, roundToBlock, type TarMember, TRAILER } from "./tar.ts";
import { isComposed } from "./walk.ts";

/**
 * Every so manyth row is found at once by its place in the tar; those between are counted from there, twice for each
 * segment, which holds some fifty rows where files are small.
 */
export const MARKED = 16;

/** What one pass over an index finds out. */
export interface IndexFacts {
  readonly tree: Digest;
  readonly profile: Profile | undefined;
  readonly segments: readonly IndexSegment[];
  /** Where each entry begins in the index. */
  readonly rows: Uint32Array;
  /** Where the header of every `MARKED`th row begins in the tar. */
  readonly marks: Float64Array;
  /** The rows that lie in a folder in which no row before them does. */
  readonly firsts: readonly number[];
  readonly count: number;
  readonly files: number;
  /** Entries without content: links, folders and empty files. */
  readonly hollow: number;
  readonly bytes: number;
  readonly tarSize: number;
  /** No links, and every name in NFC: nothing about the whole tree is left to check. */
  readonly plain: boolean;
}

/**
 * Reads an index from its first byte to its last and checks everything that can be told row by row:
 * canonical bytes, paths, order, offsets, tree digest, segments. Throws CTXPACK_E_PACK.
 */
export function readIndex(cursor: Cursor): IndexFacts {
  const rows = new Rows(cursor);
  cursor.expect('{"entries":[');
  if (!cursor.take("]")) {
    do rows.read();
    while (cursor.take(","));
    cursor.expect("]");
  }
  const { tree, tarSize, ...entries } = rows.finish();
  const profile = cursor.take(',"profile":"fine"') ? "fine" : undefined;
  cursor.expect(',"schema":"ctxpack.index/v1","segments":[');
  const segments = readSegments(cursor, tarSize);
  const at = cursor.at;
  cursor.expect(',"tree":');
  if (cursor.digest() !== tree) {
    cursor.at = at;
    throw cursor.refuse(`the entries have the tree digest ${tree}`);
  }
  cursor.expect("}");
  if (cursor.at !== cursor.bytes.length) throw cursor.refuse("expected the end");
  return { ...entries, tree, tarSize, profile, segments };
}

/** Takes in the entries one by one. */
class Rows {
  readonly #cursor: Cursor;
  readonly #order = new OrderCheck("CTXPACK_E_PACK");
  readonly #tree = new TreeHash();
  readonly #span: EntrySpan = { head: 0, tail: 0 };
  readonly #marks: number[] = [];
  readonly #firsts: number[] = [];
  #rows = new Uint32Array(64);
  #count = 0;
  #files = 0;
  #hollow = 0;
  #bytes = 0;
  /** The position in the tar after the entries so far. */
  #tarAt = 0;
  #plain = true;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  read(): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    if (this.#count === LIMITS.entries) {
      throw cursor.refuse(`there are more than ${LIMITS.entries} entries`);
    }
    const file = kindAt(cursor) === "file" ? readFileMember(cursor, this.#span) : undefined;
    const member = file ?? memberOf(readEntry(cursor));
    const { kind, path } = member;
    this.#note(start);
    this.#tree.add(cursor, start, file && this.#span);
    checkPath(path, "CTXPACK_E_PACK");
    if (this.#order.add(path)) this.#firsts.push(this.#count - 1);
    if (kind === "link") checkTarget(path, member.target, "CTXPACK_E_PACK");
    if (kind === "link" || !isComposed(path)) this.#plain = false;
    this.#tarAt += headerSize(member);
    if (member.size === 0) this.#hollow++;
    if (file !== undefined) this.#place(file);
  }

  finish(): Omit<IndexFacts, "profile" | "segments"> {
    return {
      tree: this.#tree.finish(),
      rows: this.#rows,
      marks: Float64Array.from(this.#marks),
      firsts: this.#firsts,
      count: this.#count,
      files: this.#files,
      hollow: this.#hollow,
      bytes: this.#bytes,
      tarSize: this.#tarAt + TRAILER,
      plain: this.#plain,
    };
  }

  /** Moves on in the tar over a file's content; it has to say where it is. */
  #place({ path, size, offset }: TarMember & { readonly offset: number }): void {
    if (offset !== this.#tarAt) {
      const why = `has the offset ${offset}, the tar puts its content at ${this.#tarAt}`;
      throw refuseEntry("CTXPACK_E_PACK", path, why);
    }
    this.#tarAt += roundToBlock(size);
    this.#files++;
    this.#bytes += size;
    if (this.#tarAt > Number.MAX_SAFE_INTEGER - 2 * LIMITS.segment) {
      throw refuseEntry("CTXPACK_E_PACK", path, "ends a tar of 2^53 bytes");
    }
  }

  #note(start: number): void {
    if (this.#count === this.#rows.length) {
      const grown = new Uint32Array(this.#rows.length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    if (this.#count % MARKED === 0) this.#marks.push(this.#tarAt);
    this.#rows[this.#count++] = start;
  }
}

/** What the tar's header of an entry is a function of. */
export function memberOf(entry: Entry): TarMember {
  if (isFileEntry(entry)) {
    const { path, size, exec = false } = entry;
    return { kind: "file", path, target: "", exec, size };
  }
  const { path } = entry;
  if (isLinkEntry(entry)) return { kind: "link", path, target: entry.link, exec: false, size: 0 };
  return { kind: "directory", path, target: "", exec: false, size: 0 };
}

/** The tree digest of entries as they stand in an index, without `offset` and `key`. */
class TreeHash {
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer: Buffer = Buffer.allocUnsafe(65_536);
  #filled = 0;
  #separator = 0x5b;

  /** `span` says what to leave out of the entry that ends at the cursor. */
  add(cursor: Cursor, start: number, span: EntrySpan | undefined): void {
    if (this.#filled === this.#buffer.length) this.#flush();
    this.#buffer[this.#filled++] = this.#separator;
    this.#separator = 0x2c;
    if (span === undefined) {
      this.#take(cursor.bytes, start, cursor.at);
    } else {
      this.#take(cursor.bytes, start, span.head);
      this.#take(cursor.bytes, span.tail, cursor.at);
    }
  }

  finish(): Digest {
    this.#flush();
    // No entries: the array was never opened.
    return `sha256:${this.#hash.update(this.#separator === 0x5b ? "[]" : "]").digest("hex")}`;
  }

  #take(bytes: Buffer, from: number, to: number): void {
    if (to - from > this.#buffer.length - this.#filled) this.#flush();
    if (to - from > this.#buffer.length) {
      this.#hash.update(bytes.subarray(from, to));
    } else {
      this.#filled += bytes.copy(this.#buffer, this.#filled, from, to);
    }
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

function readSegments(cursor: Cursor, tarSize: number): IndexSegment[] {
  const segments: IndexSegment[] = [];
  let end = 0;
  do {
    const at = cursor.at;
    cursor.expect('{"digest":');
    const digest = cursor.digest();
    cursor.expect(',"offset":');
    const offset = cursor.integer();
    cursor.expect(',"size":');
    const size = cursor.integer();
    cursor.expect("}");
    const fault = segmentFault({ digest, offset, size }, end, tarSize);
    if (fault !== undefined || segments.length === LIMITS.segments) {
      cursor.at = at;
      throw cursor.refuse(fault ?? `there are more than ${LIMITS.segments} segments`);
    }
    end = offset + size;
    segments.push({ digest, offset, size });
  } while (cursor.take(","));
  if (end !== tarSize) throw cursor.refuse(`the segments end at ${end}, the tar at ${tarSize}`);
  cursor.expect("]");
  return segments;
}

function segmentFault(segment: IndexSegment, end: number, tarSize: number): string | undefined {
  const { offset, size } = segment;
  if (offset !== end) return `a segment begins at ${offset}, the one before it ends at ${end}`;
  if (size === 0 || size > LIMITS.segment) {
    return `a segment has ${size} bytes, 1 to ${LIMITS.segment} are allowed`;
  }
  if (offset + size > tarSize) return `a segment ends after the tar, which has ${tarSize} bytes`;
  return undefined;
}
