import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import { type FileEntry, isFileEntry } from "./entry.ts";
import { memberOf } from "./index-facts.ts";
import type { SegmentRows } from "./segment-rows.ts";
import { LONGEST_HEADER, roundToBlock, TRAILER, writeHeader } from "./tar.ts";

/** A slice of a file that lies in several segments; its digest is for who has all of them. */
export interface FilePart {
  readonly entry: FileEntry;
  /** Of the first byte, in the file. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** What is wanted of a segment. */
export interface SegmentOptions {
  /** Only files that it picks; without it all. */
  readonly select?: ((path: string) => boolean) | undefined;
  /** A file that lies in this segment alone and has its digest. `content` is valid during the call only. */
  whole(entry: FileEntry, content: Uint8Array): void;
}

const ZEROS: Buffer = Buffer.alloc(TRAILER);
/** Where headers are made to compare with. */
const HEADER: Buffer = Buffer.allocUnsafe(LONGEST_HEADER);

/**
 * Takes in the segment that holds `rows`, whole and uncompressed, in whatever order segments come. What lies between the
 * contents has to be what the tar of the index has there, byte for byte; content that lies in one segment is hashed.
 * Returns the slices of files that lie in several segments, as views of `raw`; files without content are in no segment.
 * Does not hash the segment itself: whoever remembers one by its digest has to. Throws CTXPACK_E_DIGEST_MISMATCH for
 * content that is not what the index names, CTXPACK_E_PACK for a tar that is not the index's, CTXPACK_E_SIZE_MISMATCH.
 */
export function readSegment(rows: SegmentRows, raw: Uint8Array, o: SegmentOptions): FilePart[] {
  const start = expectSize(rows, raw);
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const end = start + bytes.length;
  const parts: FilePart[] = [];
  let { at } = rows;
  for (const entry of rows.entries()) {
    const contentAt = at + writeHeader(HEADER, 0, memberOf(entry));
    const size = isFileEntry(entry) ? entry.size : 0;
    const paddingAt = contentAt + size;
    const rowEnd = contentAt + roundToBlock(size);
    /** The bytes of this segment from `from` to `to`, positions in the tar. */
    const slice = (from: number, to: number): Buffer =>
      bytes.subarray(Math.max(0, from - start), Math.max(0, Math.min(end, to) - start));
    const skipped = Math.max(0, start - at);
    compare(slice(at, contentAt), HEADER.subarray(skipped), at + skipped, entry.path);
    const content = slice(contentAt, paddingAt);
    if (isFileEntry(entry) && content.length > 0 && (o.select?.(entry.path) ?? true)) {
      if (content.length === size) {
        expectDigest(entry, sha256(content));
        o.whole(entry, content);
      } else {
        const position = Math.max(0, start - contentAt);
        parts.push({ entry, position, bytes: content });
      }
    }
    const padding = Math.max(paddingAt, start);
    compare(slice(padding, rowEnd), ZEROS, padding, entry.path);
    at = rowEnd;
  }
  const rest = bytes.subarray(Math.max(0, at - start));
  compare(rest, ZEROS, Math.max(at, start), undefined);
  return parts;
}

/** Throws CTXPACK_E_DIGEST_MISMATCH when a content does not have the digest its entry says. */
export function expectDigest(entry: FileEntry, found: Digest): void {
  const { path, digest: expected } = entry;
  if (found === expected) return;
  throw new CtxPackError(
    "CTXPACK_E_DIGEST_MISMATCH",
    `${JSON.stringify(path)} has the digest ${found}, expected ${expected}`,
    { details: { expected, found } },
  );
}

/** Where the segment begins in the tar. */
function expectSize({ segment, number }: SegmentRows, raw: Uint8Array): number {
  if (raw.length === segment.size) return segment.offset;
  throw new CtxPackError(
    "CTXPACK_E_SIZE_MISMATCH",
    `segment ${number} is ${raw.length} bytes, expected ${segment.size}`,
    { details: { segment: number, expected: segment.size, found: raw.length } },
  );
}

function compare(part: Buffer, expected: Buffer, at: number, path: string | undefined): void {
  if (part.length === 0 || part.compare(expected, 0, part.length) === 0) return;
  let i = 0;
  while (part[i] === expected[i]) i++;
  const near = path === undefined ? "its end" : JSON.stringify(path);
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `the tar of a pack differs from what its index describes, at byte ${at + i}, near ${near}`,
    { details: { byte: at + i, expected: expected[i], found: part[i] } },
  );
}
