import type { MessagePort } from "node:worker_threads";
import { decompressFrame } from "../../pack/frame.ts";
import { IndexReader } from "../../pack/index-reader.ts";
import { giveWhole } from "../../pack/read.ts";
import { type FilePart, readSegment } from "../../pack/segment.ts";
import { Blobs } from "../blobs.ts";
import { Folder } from "../folder.ts";
import { Places } from "../places.ts";
import { release } from "../release.ts";
import { expectSegmentDigest } from "../segment-digest.ts";
import type { SegmentAnswer, SegmentJob, SegmentThreadData } from "./segment-threads.ts";

/** Takes in the segments it is sent: what it can finish it finishes, the rest it sends back. */
export function readSegments(port: MessagePort, data: SegmentThreadData): void {
  const index = IndexReader.fromShared(data.index);
  const places = new Places(data.store);
  const blobs = new Blobs(places, { path: () => "" });
  const folder = data.folder && Folder.of(data.folder);
  const selected = data.selected && new Set(data.selected);
  const select = selected && ((path: string) => selected.has(path));
  port.on("message", ({ row }: SegmentJob) => {
    let files = 0;
    try {
      const raw = rawSegment(row);
      const parts = readSegment(index, row, raw, {
        select,
        whole(entry, content) {
          if (folder) giveWhole(folder, entry, content);
          files += 1;
        },
      });
      send(port, { row, parts, files }, raw);
    } catch {
      folder?.release();
      port.postMessage({ row } satisfies SegmentAnswer);
    }
  });

  function rawSegment(row: number): Uint8Array {
    const blob = data.blobs[row];
    const segment = index.segments[row];
    if (blob === undefined || segment === undefined) throw new RangeError(`no segment ${row}`);
    const frame = blobs.readWhole(blob);
    const raw = decompressFrame(frame, segment.size);
    release(frame);
    if (data.strict) expectSegmentDigest(raw, segment.digest, row);
    return raw;
  }
}

/** Slices that are most of a segment take its memory along, others are copied. */
function send(port: MessagePort, answer: SegmentAnswer, raw: Uint8Array): void {
  const { parts = [] } = answer;
  const bytes = parts.reduce((sum, part) => sum + part.bytes.length, 0);
  if (bytes * 2 > raw.length && raw.buffer instanceof ArrayBuffer) {
    port.postMessage(answer, [raw.buffer]);
    return;
  }
  const copies: FilePart[] = parts.map((part) => ({ ...part, bytes: new Uint8Array(part.bytes) }));
  release(raw);
  port.postMessage({ ...answer, parts: copies });
}
