import { parentPort } from "node:worker_threads";
import { hashFile } from "@ctxpack/identity";
import type { Answer } from "./threads.ts";

// A thread of `threads.ts`: hashes the files it is told, one after the other, into one buffer.
const buffer = Buffer.allocUnsafeSlow(1 << 20);

parentPort?.on("message", async (path: string) => {
  const answer = (value: Answer) => parentPort?.postMessage(value);
  try {
    const onProgress = ({ done }: { readonly done: number }) => answer({ read: done });
    answer({ found: await hashFile(path, { buffer, onProgress }) });
  } catch {
    // The calling thread meets the same error, and tells it.
    answer({ found: undefined });
  }
});
