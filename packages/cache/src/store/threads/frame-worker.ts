import { setImmediate as turn } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { Blobs } from "../blobs.ts";
import { Places } from "../places.ts";
import { putFrame } from "../put-frame.ts";
import { release } from "../release.ts";
import { faultOf } from "./fault.ts";
import type { FrameAnswer, FrameJob, FrameThreadData } from "./frame-threads.ts";

/**
 * Buffers longer than this are given back to the system once they were read, others are used again: what is used again
 * keeps as much memory as the longest segment took. In bytes.
 */
const LARGE = 40 * 2 ** 20;

/** Compresses the segments it is sent and stores them; the next one while the last one is being synced. */
export function makeFrames(port: MessagePort, data: FrameThreadData): void {
  let count = 0;
  const path = (): string => `${data.prefix}-${++count}`;
  const blobs = new Blobs(new Places(data.store), { path });
  const make = async ({ id, slot, length }: FrameJob): Promise<void> => {
    const answer = (what: Omit<FrameAnswer, "id">, transfer: readonly ArrayBuffer[] = []): void =>
      port.postMessage({ id, ...what }, transfer);
    try {
      const written = putFrame(blobs, new Uint8Array(slot, 0, length));
      const isKept = slot.byteLength <= LARGE;
      if (!isKept) release(new Uint8Array(slot));
      answer({ isRead: true, slot: isKept ? slot : undefined }, isKept ? [slot] : []);
      answer({ blob: await written });
    } catch (error) {
      answer({ fault: faultOf(error) });
    }
  };
  const jobs: FrameJob[] = [];
  port.on("message", async (job: FrameJob) => {
    if (jobs.push(job) > 1) return;
    for (let next: FrameJob | undefined = job; next !== undefined; next = jobs[0]) {
      void make(next);
      // Messages that come steadily would keep the loop from turning, and with it what was written from being told of.
      await turn();
      jobs.shift();
    }
  });
  port.postMessage({ id: 0 } satisfies FrameAnswer);
}
