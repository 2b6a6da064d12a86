import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { HashJob, SharedJob } from "./job.ts";
import type { Units } from "./units.ts";

/** Work below which starting a thread (20 ms) does not pay, in bytes hashed in the same time. */
const WORTH_A_THREAD = 192 * 1024 * 1024;

/** More threads than this only wait for the disk. */
const MOST_THREADS = 7;

/** How often progress is reported and an abort noticed while only other threads work, in milliseconds. */
const TICK_MS = 50;

/** What a thread is sent: work, one job after the other, and `null` when there will be no more. */
export type ToThread = SharedJob | null;

/** Threads that help with the jobs of one tree, in the order in which they are given. */
export class Threads {
  /** Those that are not known to be done. */
  #jobs: HashJob[] = [];
  /** Bytes hashed for all others. */
  #bytes = 0;
  readonly #workers: Worker[] = [];
  readonly #exits: Promise<void>[] = [];
  #isEnded = false;

  /** How many there are. */
  get count(): number {
    return this.#exits.length;
  }

  /** Whether some of the machine's cores have no part in the work. */
  get leaveCores(): boolean {
    return this.count + 1 < availableParallelism();
  }

  /** Bytes hashed so far, by all threads. */
  get bytes(): number {
    return this.#jobs.reduce((sum, job) => sum + job.bytes, this.#bytes);
  }

  /** Jobs of which some part is claimed by nobody. */
  get waiting(): number {
    return this.#jobs.reduce((sum, job) => sum + (job.isClaimed ? 0 : 1), 0);
  }

  /** Sees to it that there are `count` threads, or as many as the machine has cores for beside the calling one. */
  want(count: number): void {
    const most = Math.min(count, availableParallelism() - 1, MOST_THREADS);
    while (this.count < most) this.#startOne();
  }

  /** A job for all threads, and for the caller. */
  give(job: HashJob): void {
    // Where parts are given one after the other there may be thousands.
    const left = this.#jobs.filter((one) => !one.isDone);
    for (const one of this.#jobs) if (!left.includes(one)) this.#bytes += one.bytes;
    this.#jobs = [...left, job];
    for (const worker of this.#workers) send(worker, job.shared);
  }

  /** Waits until every thread has done its part and ended by itself; no job is given after that. */
  async ended(options: {
    readonly signal?: AbortSignal | undefined;
    readonly onTick: () => void;
  }): Promise<void> {
    this.#end();
    const all = Promise.all(this.#exits).then(() => true);
    while (!(await Promise.race([all, setTimeout(TICK_MS, false, { ref: false })]))) {
      options.signal?.throwIfAborted();
      options.onTick();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.#jobs) job.stop();
    this.#end();
    await Promise.all(this.#exits);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const worker of this.#workers) send(worker, null);
  }

  /**
   * A thread counts as gone however it went: out of memory, or never come to life because an application was
   * bundled without the worker's file. What it left undone the calling thread does.
   */
  #startOne(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exits.push(promise);
    try {
      const worker = new Worker(workerUrl(), { execArgv: [] });
      worker.on("error", () => {});
      worker.on("exit", () => resolve());
      this.#workers.push(worker);
      for (const job of this.#jobs) send(worker, job.shared);
    } catch {
      resolve();
    }
  }
}

/** How many threads the work is worth beside the calling one: none, when it is little or one large file. */
export function threadsWorth(units: Units): number {
  return Math.min(Math.floor(units.cost / WORTH_A_THREAD), units.starts.length - 2);
}

function send(worker: Worker, message: ToThread): void {
  worker.postMessage(message);
}

/** The worker's source beside this file's source, its bundle beside this package's bundle. */
function workerUrl(): URL {
  const source = import.meta.url.endsWith("/tree/workers.ts");
  return new URL(source ? "./worker.ts" : "./ctxpack-tree-worker.js", import.meta.url);
}
