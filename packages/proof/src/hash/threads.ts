import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Digest } from "@ctxpack/identity";

/** Work below which starting a thread does not pay, in bytes. */
const WORTH_A_THREAD = 192 * 1024 * 1024;

/** How many threads beside the calling one are worth starting for this many bytes in this many lanes. */
export function threadsWorth(bytes: number, lanes: number): number {
  const most = Math.min(availableParallelism(), lanes) - 1;
  return Math.max(0, Math.min(most, Math.floor(bytes / WORTH_A_THREAD)));
}

/** What a thread answers: bytes read so far, a digest, or that it could not. */
export type Answer =
  | { readonly read: number }
  | { readonly found: { readonly digest: Digest; readonly size: number } | undefined };

/** A thread that hashes one file after the other. */
export interface Thread {
  readonly alive: boolean;
  /** Undefined when it could not be hashed, or the thread is gone. */
  hash(
    path: string,
    onRead: (bytes: number) => void,
  ): Promise<{ readonly digest: Digest; readonly size: number } | undefined>;
  stop(): void;
}

/** Starts a thread. One that never comes to life, or dies, is not alive any more: its file is for others. */
export function startThread(): Thread {
  let worker: Worker | undefined;
  let alive = true;
  let answered: (answer: Answer) => void = () => {};
  const gone = () => {
    alive = false;
    answered({ found: undefined });
  };
  try {
    worker = new Worker(...workerFile());
    worker.on("message", (answer: Answer) => answered(answer));
    worker.on("error", gone);
    worker.on("exit", gone);
  } catch {
    alive = false;
  }
  return {
    get alive() {
      return alive;
    },
    async hash(path, onRead) {
      if (!alive || worker === undefined) return undefined;
      const { promise, resolve } = Promise.withResolvers<
        { readonly digest: Digest; readonly size: number } | undefined
      >();
      answered = (answer) => {
        if ("read" in answer) onRead(answer.read);
        else resolve(answer.found);
      };
      worker.postMessage(path);
      return await promise;
    },
    stop() {
      void worker?.terminate();
    },
  };
}

/** The worker's source beside this file's source, its bundle beside this package's bundle. */
function workerFile(): [URL, { readonly execArgv: string[] }] {
  // Spelled out each time: bundlers for CommonJS replace exactly this expression.
  return import.meta.url.endsWith("/hash/threads.ts")
    ? [new URL("./worker.ts", import.meta.url), { execArgv: ["--conditions=@ctxpack/source"] }]
    : [new URL("./ctxpack-hash-worker.js", import.meta.url), { execArgv: [] }];
}
