import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { HashJob } from "./job.ts";

/** Work below which starting a thread (20 ms) does not pay, in bytes hashed in the same time. */
const WORTH_A_THREAD = 192 * 1024 * 1024;

/** More threads than this only wait for the disk. */
const MOST_THREADS = 7;

/** How often progress is reported and an abort noticed while only other threads work, in milliseconds. */
const TICK_MS = 50;

/** Threads that help with one job. */
export class Threads {
  readonly #job: HashJob;
  readonly #exits: Promise<void>[];

  private constructor(job: HashJob, exits: Promise<void>[]) {
    this.#job = job;
    this.#exits = exits;
  }

  /** Starts as many threads as the work is worth beside the calling one: none, when it is little or one large file. */
  static start(job: HashJob, cost: number): Threads {
    const worth = Math.floor(cost / WORTH_A_THREAD);
    const count = Math.min(availableParallelism() - 1, worth, job.units - 1, MOST_THREADS);
    return new Threads(
      job,
      Array.from({ length: count }, () => startWorker(job)),
    );
  }

  /** Whether some of the machine's cores have no part in the job. */
  get leaveCores(): boolean {
    return this.#exits.length + 1 < availableParallelism();
  }

  /** Waits until every thread has ended by itself. */
  async ended(options: {
    readonly signal?: AbortSignal | undefined;
    readonly onTick: () => void;
  }): Promise<void> {
    const all = Promise.all(this.#exits).then(() => true);
    while (!(await Promise.race([all, setTimeout(TICK_MS, false, { ref: false })]))) {
      options.signal?.throwIfAborted();
      options.onTick();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#job.stop();
    await Promise.all(this.#exits);
  }
}

/**
 * Resolves when the thread is gone, however it went: out of memory, or never come to life because an
 * application was bundled without the worker's file. What it left undone the calling thread does.
 */
function startWorker(job: HashJob): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    const worker = new Worker(workerUrl(), { workerData: job.shared, execArgv: [] });
    worker.on("error", () => {});
    worker.on("exit", () => resolve());
  } catch {
    resolve();
  }
  return promise;
}

/** The worker's source beside this file's source, its bundle beside this package's bundle. */
function workerUrl(): URL {
  const source = import.meta.url.endsWith("/tree/workers.ts");
  return new URL(source ? "./worker.ts" : "./ctxpack-tree-worker.js", import.meta.url);
}
