import { type Transferable, Worker } from "node:worker_threads";
import { END } from "./end.ts";

/** How long a thread may take to end by itself, in milliseconds. */
const PATIENCE_MS = 1000;

/** What a thread is started for. */
export type Role = keyof typeof FILES;

/** The file that a thread runs: in the source, and in this package's bundle. */
const FILES = {
  frames: ["worker.ts", "ctxpack-store-worker.js"],
  segments: ["worker.ts", "ctxpack-store-worker.js"],
  hashes: ["worker.ts", "ctxpack-store-worker.js"],
  seed: ["seed-entry.ts", "ctxpack-seed-worker.js"],
} as const;

/** What a thread's owner hears of it. */
export interface ThreadEvents<Answer> {
  onMessage(answer: Answer): void;
  /** It ended before it was told to: out of memory, or its file is not where it should be. */
  onLost(): void;
}

/**
 * A worker that answers messages. One that cannot be started, or dies, is only lost: an application may have been
 * bundled without the worker's file, and whatever a thread does its owner can do as well. Its owner hears of it, and has
 * to do again what was under way: what was handed over is gone.
 */
export class Thread<Job, Answer> {
  readonly #worker: Worker | undefined;
  readonly #ended = Promise.withResolvers<void>();
  #isEnding = false;

  constructor(role: Role, data: unknown, events: ThreadEvents<Answer>) {
    this.#worker = start(role, data);
    const lost = (): void => {
      this.#ended.resolve();
      if (!this.#isEnding) events.onLost();
    };
    if (this.#worker === undefined) {
      queueMicrotask(lost);
      return;
    }
    this.#worker.on("message", (answer: Answer) => events.onMessage(answer));
    this.#worker.on("error", () => {});
    this.#worker.on("exit", lost);
  }

  post(job: Job, transfer: readonly Transferable[] = []): void {
    this.#worker?.postMessage(job, transfer);
  }

  /**
   * Ends the thread; settles when it is gone. It is asked to before it is made to: Node aborts the whole process
   * ("close before init") when a thread is stopped at the moment in which it makes a compressor.
   */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#worker?.postMessage(END);
    const late = setTimeout(() => void this.#worker?.terminate(), PATIENCE_MS);
    await this.#ended.promise;
    clearTimeout(late);
  }
}

function start(role: Role, data: unknown): Worker | undefined {
  // Beside this file's source is the worker's source, beside this package's bundle the worker's bundle.
  const isSource = import.meta.url.endsWith("/threads/thread.ts");
  const url = new URL(FILES[role][isSource ? 0 : 1], import.meta.url);
  const execArgv = isSource ? ["--conditions=@ctxpack/source"] : [];
  try {
    return new Worker(url, { workerData: { role, data }, execArgv });
  } catch {
    return undefined;
  }
}
