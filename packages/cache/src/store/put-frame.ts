import { framePieces } from "../pack/frame.ts";
import type { Blobs, StoredBlob } from "./blobs.ts";
import { release } from "./release.ts";

/** Stores the frame of a segment. It is compressed and handed to the disk when this returns its promise. */
export function putFrame(blobs: Blobs, raw: Uint8Array): Promise<StoredBlob> {
  const pieces = framePieces(raw);
  const written = blobs.put(pieces);
  const [frame] = pieces;
  // More than one lie in the segment.
  if (pieces.length === 1 && frame !== undefined) release(frame);
  return written;
}
