import { hashFile } from "@ctxpack/identity";
import type { Answer } from "./threads.ts";

/** Where paths come from and answers go: a thread's `parentPort`. */
export interface HashPort {
  on(event: "message", take: (path: string) => void): unknown;
  postMessage(answer: Answer): void;
}

/** Hashes the files that come through a port, one after the other, into one buffer of 1 MiB. */
export function serve(port: HashPort): void {
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  const hash = async (path: string) => {
    try {
      const onProgress = ({ done }: { readonly done: number }) => port.postMessage({ read: done });
      port.postMessage({ found: await hashFile(path, { buffer, onProgress }) });
    } catch {
      // The calling thread meets the same error, and tells it.
      port.postMessage({ found: undefined });
    }
  };
  port.on("message", (path) => void hash(path));
}
