import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, sha256 } from "@ctxpack/identity";
import { decompressFrame, segmentsOf, Unpacker, type UnpackSink } from "../pack/index.ts";
import { blame, type HeldPack, segmentBytes } from "./held.ts";
import type { Parts } from "./parts.ts";

/** What is unpacked and how far it is trusted. */
export interface UnpackOptions {
  readonly select?: ((path: string) => boolean) | undefined;
  /** Also compare every segment with the index: for a pack that nobody has looked at yet. */
  readonly strict?: boolean | undefined;
  /** Settles when the blob of a segment is here; waited for before each. */
  readonly ready?: ((row: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks a pack from the store's blobs into `sink`, one segment at a time; between two the event loop
 * runs. Every file's digest is checked. Throws `CTXPACK_E_PACK` for a pack that breaks the format,
 * otherwise like `heldBytes`.
 */
export async function unpack(
  parts: Parts,
  pack: HeldPack,
  sink: UnpackSink,
  options: UnpackOptions,
): Promise<void> {
  const { select } = options;
  const unpacker = new Unpacker(pack.index, sink, select && { select });
  const rows = select ? segmentsOf(pack.index, select) : pack.index.segments.keys();
  for (const row of rows) {
    options.signal?.throwIfAborted();
    await options.ready?.(row);
    const blob = pack.manifest.segments[row];
    const segment = pack.index.segments[row];
    if (blob === undefined || segment === undefined) throw new RangeError(`no segment ${row}`);
    const frame = segmentBytes(parts, pack.record, blob);
    try {
      const raw = decompressFrame(frame, segment.size);
      if (options.strict) expectDigest(raw, segment.digest, row);
      unpacker.segment(row, raw);
    } catch (error) {
      throw blame(parts, pack.record, blob, error);
    }
    await turn();
  }
  unpacker.end();
}

/** A segment remembered under a digest it does not have would spoil later packs. */
export function expectDigest(raw: Uint8Array, expected: string, row: number): void {
  const found = sha256(raw);
  if (found === expected) return;
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `segment ${row} is ${found}, the index says ${expected}`,
    {
      details: { segment: row, expected, found },
    },
  );
}

/** A sink for a pack that is only checked. */
export const discard: UnpackSink = {
  directory() {},
  file() {},
  write() {},
  fileEnd() {},
  link() {},
};
