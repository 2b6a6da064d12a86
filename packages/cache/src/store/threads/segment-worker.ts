import type { MessagePort } from "node:worker_threads";
import { decompressFrame } from "../../pack/frame.ts";
import { giveWhole } from "../../pack/read.ts";
import { type FilePart, readSegment } from "../../pack/segment.ts";
import { rowsOf } from "../../pack/segment-rows.ts";
import { Blobs } from "../blobs.ts";
import { Folder } from "../folder.ts";
import { Places } from "../places.ts";
import { release } from "../release.ts";
import { expectSegmentDigest } from "../segment-digest.ts";
import type { SegmentAnswer, SegmentJob, SegmentThreadData } from "./segment-threads.ts";

/** Takes in the segments it is sent: what it can finish it finishes, the rest it sends back. */
export function readSegments(port: MessagePort, { store }: SegmentThreadData): void {
  const places = new Places(store);
  const blobs = new Blobs(places, { path: () => "" });
  let folder: Folder | undefined;
  port.on("message", (job: SegmentJob) => {
    const row = job.rows.number;
    const selected = job.selected && new Set(job.selected);
    let files = 0;
    folder ??= job.folder && Folder.of(job.folder);
    folder?.besides(job.sibling);
    try {
      const raw = rawSegment(job);
      const parts = readSegment(rowsOf(job.rows), raw, {
        select: selected && ((path) => selected.has(path)),
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
    release(job.rows.bytes);
  });

  function rawSegment({ rows, blob, strict }: SegmentJob): Uint8Array {
    const { size, digest } = rows.segment;
    const frame = blobs.readWhole(blob);
    const raw = decompressFrame(frame, size);
    release(frame);
    if (strict) expectSegmentDigest(raw, digest, rows.number);
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
