import type { MessagePort } from "node:worker_threads";
import { compressFrame } from "../../pack/frame.ts";
import { Blobs } from "../blobs.ts";
import { Places } from "../places.ts";
import { release } from "../release.ts";
import { faultOf } from "./fault.ts";
import type { FrameAnswer, FrameJob, FrameThreadData } from "./frame-threads.ts";

/** Compresses the segments it is sent and stores them; the next one while the last one is being synced. */
export function makeFrames(port: MessagePort, data: FrameThreadData): void {
  let count = 0;
  const path = (): string => `${data.prefix}-${++count}`;
  const blobs = new Blobs(new Places(data.store), { path });
  port.on("message", async ({ id, slot, length }: FrameJob) => {
    const answer = (what: Omit<FrameAnswer, "id">): void => port.postMessage({ id, ...what });
    try {
      const frame = compressFrame(new Uint8Array(slot, 0, length));
      const written = blobs.put(frame);
      release(frame);
      answer({ isRead: true });
      answer({ blob: await written });
    } catch (error) {
      answer({ fault: faultOf(error) });
    }
  });
}
