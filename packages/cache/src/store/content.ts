import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { decompressFrame, type FileEntry, type IndexReader } from "../pack/index.ts";
import { blame, type HeldPack, openPack, segmentBytes } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { noPack } from "./records.ts";
import { expectSegmentDigest } from "./segment-digest.ts";

/** `Store.read`: a link is followed inside the pack; no byte is given out that was not verified. */
export async function* read(
  parts: Parts,
  uri: CtxUri,
  path: string,
  options: { readonly signal?: AbortSignal | undefined },
): AsyncIterable<Uint8Array> {
  options.signal?.throwIfAborted();
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined) throw noPack(uri, parts.places.dir);
  const pack = openPack(parts, record);
  const file = findFile(pack.index, path, uri);
  const hasher = createHash("sha256");
  for (const piece of pieces(pack.index, file)) {
    options.signal?.throwIfAborted();
    const raw = rawSegment(parts, pack, piece.row);
    const bytes = raw.subarray(piece.start, piece.end);
    hasher.update(bytes);
    yield bytes;
    await turn();
  }
  const found = `sha256:${hasher.digest("hex")}`;
  if (found === file.digest) return;
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `${path} in ${uri} is ${found}, the index says ${file.digest}`,
    {
      details: { uri, path, expected: file.digest, found },
    },
  );
}

/** The uncompressed bytes of a segment, verified. */
export function rawSegment(parts: Parts, pack: HeldPack, row: number): Uint8Array {
  const blob = pack.manifest.segments[row];
  const segment = pack.index.segments[row];
  if (blob === undefined || segment === undefined) throw new RangeError(`no segment ${row}`);
  const frame = segmentBytes(parts, pack.record, blob);
  try {
    const raw = decompressFrame(frame, segment.size);
    expectSegmentDigest(raw, segment.digest, row);
    return raw;
  } catch (error) {
    throw blame(parts, pack.record, blob, error);
  }
}

interface Piece {
  readonly row: number;
  /** Within the segment. */
  readonly start: number;
  readonly end: number;
}

/** Where a file's content lies: a slice of each segment it touches. */
function* pieces(index: IndexReader, file: FileEntry): Iterable<Piece> {
  const last = file.offset + file.size;
  for (const [row, segment] of index.segments.entries()) {
    const start = Math.max(file.offset, segment.offset) - segment.offset;
    const end = Math.min(last, segment.offset + segment.size) - segment.offset;
    if (start < end) yield { row, start, end };
  }
}

/** The file a path leads to, links followed inside the pack. */
function findFile(index: IndexReader, path: string, uri: CtxUri): FileEntry {
  const file = index.findFile(path);
  if (file !== undefined) return file;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `no file ${JSON.stringify(path)} in ${uri}`, {
    hint: "`ctxpack inspect` lists the files of a pack",
    details: { uri, path },
  });
}
