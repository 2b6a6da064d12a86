import { statSync } from "node:fs";
import { CtxPackError, type Digest, hashFile, type OnProgress } from "@ctxpack/identity";
import type { MetricsSink } from "../metrics.ts";
import { startThread, type Thread, threadsWorth } from "./threads.ts";

/** Files hashed at the same time, when nobody says otherwise. */
export const DEFAULT_CONCURRENCY = 4;

/** Lanes, at most: each holds a buffer. */
const MAX_CONCURRENCY = 64;

/** Bytes of a lane's buffer. */
const BUFFER_BYTES = 1 << 20;

/** How files are hashed. */
export interface HashFilesOptions {
  /** Files at the same time, 1 to 64; default 4. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Phase `hash`, bytes of all files. */
  readonly onProgress?: OnProgress | undefined;
  /** Gets `proof_artifacts.hash.duration_ms`, `proof_artifacts.hash.bytes`, `proof_artifacts.process.rss_bytes`. */
  readonly metrics?: MetricsSink | undefined;
}

/** A file and its digest, or why it has none. */
export type HashedFile =
  | { readonly path: string; readonly digest: Digest; readonly size: number }
  | { readonly path: string; readonly error: CtxPackError };

/**
 * Computes the SHA-256 of many files, in the order of `paths`: a file that cannot be read is an entry like the others.
 * Several are read at the same time, each lane into one buffer of 1 MiB; where there is enough to do, lanes are threads
 * of their own, and where threads cannot start, the calling one does everything.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` for a concurrency out of range; `signal.reason` when aborted.
 */
export async function hashFiles(
  paths: readonly string[],
  options: HashFilesOptions = {},
): Promise<readonly HashedFile[]> {
  const { concurrency = DEFAULT_CONCURRENCY, metrics, signal } = options;
  checkConcurrency(concurrency);
  signal?.throwIfAborted();
  const started = performance.now();
  const job = new Job(paths, options);
  const lanes = Math.min(concurrency, paths.length);
  const threads = Array.from({ length: threadsWorth(job.total, lanes) }, startThread);
  const stop = () => {
    for (const thread of threads) thread.stop();
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const here = Math.max(1, lanes - threads.length);
    await Promise.all([
      ...threads.map((thread) => job.workIn(thread)),
      ...Array.from({ length: here }, () => job.work()),
    ]);
    // What a thread that died had taken.
    await job.work();
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
  metrics?.histogram("proof_artifacts.hash.duration_ms", performance.now() - started);
  metrics?.histogram("proof_artifacts.hash.bytes", job.done);
  metrics?.gauge("proof_artifacts.process.rss_bytes", process.memoryUsage.rss());
  return job.results();
}

/** Refuses a number of lanes that is none. */
export function checkConcurrency(concurrency: number): void {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY) {
    return;
  }
  throw new CtxPackError("CTXPACK_E_USAGE", `a concurrency of ${concurrency}`, {
    hint: `give a whole number from 1 to ${MAX_CONCURRENCY}`,
  });
}

/** The files to hash; lanes take the next one until none is left. */
class Job {
  readonly total: number;
  readonly #paths: readonly string[];
  readonly #options: HashFilesOptions;
  readonly #results: (HashedFile | undefined)[];
  /** Bytes read of each file. */
  readonly #read: number[];
  readonly #returned: number[] = [];
  #next = 0;
  #done = 0;

  constructor(paths: readonly string[], options: HashFilesOptions) {
    this.#paths = paths;
    this.#options = options;
    this.#results = Array.from({ length: paths.length });
    this.#read = Array.from({ length: paths.length }, () => 0);
    this.total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  }

  /** Bytes read so far. */
  get done(): number {
    return this.#done;
  }

  results(): readonly HashedFile[] {
    return this.#results.map((result) => result as HashedFile);
  }

  /** Hashes files on the calling thread until none is left. */
  async work(): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    for (;;) {
      const index = this.#take() ?? this.#returned.pop();
      if (index === undefined) return;
      await this.#hash(index, buffer);
    }
  }

  /** Hashes files in a thread until none is left or the thread is gone. */
  async workIn(thread: Thread): Promise<void> {
    for (let index = this.#take(); index !== undefined; index = this.#take()) {
      const path = this.#paths[index] as string;
      const taken = index;
      const found = await thread.hash(path, (bytes) => this.#report(taken, bytes));
      this.#options.signal?.throwIfAborted();
      if (found === undefined) {
        // The calling thread meets the same error and can tell it, or does it because the thread is gone.
        this.#returned.push(index);
        if (thread.alive) continue;
        return;
      }
      this.#report(index, found.size);
      this.#results[index] = { path, ...found };
    }
  }

  #take(): number | undefined {
    this.#options.signal?.throwIfAborted();
    return this.#next < this.#paths.length ? this.#next++ : undefined;
  }

  async #hash(index: number, buffer: Buffer): Promise<void> {
    const { signal } = this.#options;
    const path = this.#paths[index] as string;
    const onProgress: OnProgress = ({ done }) => this.#report(index, done);
    try {
      const found = await hashFile(path, { buffer, signal, onProgress });
      this.#results[index] = { path, ...found };
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      this.#results[index] = { path, error };
    }
  }

  #report(index: number, bytes: number): void {
    this.#done += bytes - (this.#read[index] ?? 0);
    this.#read[index] = bytes;
    const { done, total } = this;
    this.#options.onProgress?.({ phase: "hash", unit: "bytes", done, total });
  }
}

/** Only to judge how much there is to do. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
