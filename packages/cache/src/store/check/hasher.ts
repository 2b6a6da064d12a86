import { availableParallelism } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import type { HashAnswer, HashJob } from "../threads/hash-worker.ts";
import { WORTH_THREADS } from "../threads/helpers.ts";
import { Thread } from "../threads/thread.ts";
import { hashFile } from "./hash-file.ts";

/** One message to a thread is for so many files, or for so many bytes. */
const BATCH_FILES = 64;
const BATCH_BYTES = 8 << 20;
/** Messages that wait for one thread, the one it is at included. */
const QUEUE = 2;
const MOST_THREADS = 8;

/** A file to hash. */
export interface HashTask {
  readonly path: string;
  /** In bytes; only for sharing the work. */
  readonly size: number;
  /** Gets the SHA-256 in hex; `undefined` for a file that cannot be read, with the system's code. */
  done(hex: string | undefined, code?: string): void;
}

interface Member {
  readonly thread: Thread<HashJob, HashAnswer>;
  readonly pending: Map<number, readonly HashTask[]>;
  isLost: boolean;
}

/**
 * Hashes many files: a few at once here, many by threads, one for every core. What is added waits until the
 * threads have room, so that memory does not grow with the work.
 */
export class Hasher implements AsyncDisposable {
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: (bytes: number) => void;
  #batch: HashTask[] = [];
  #batchBytes = 0;
  #seen = 0;
  #members: Member[] | undefined;
  #count = 0;
  #news = Promise.withResolvers<void>();
  /** Batches of threads that were lost. */
  #again: (readonly HashTask[])[] = [];

  constructor(options: {
    readonly signal?: AbortSignal | undefined;
    /** Bytes that were asked for since the last call. */
    readonly onBytes: (bytes: number) => void;
  }) {
    this.#signal = options.signal;
    this.#onBytes = options.onBytes;
  }

  async add(task: HashTask): Promise<void> {
    this.#batch.push(task);
    this.#batchBytes += task.size;
    if (this.#batch.length < BATCH_FILES && this.#batchBytes < BATCH_BYTES) return;
    await this.#send();
  }

  /** Until everything that was added is done. */
  async settle(): Promise<void> {
    if (this.#batch.length > 0) await this.#send();
    while (this.#again.length > 0 || this.#members?.some(({ pending }) => pending.size > 0)) {
      await this.#wait();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all((this.#members ?? []).map(({ thread }) => thread.end()));
  }

  async #send(): Promise<void> {
    const tasks = this.#batch;
    this.#seen += this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#seen < WORTH_THREADS) {
      await this.#hashHere(tasks);
      return;
    }
    this.#members ??= Array.from({ length: Math.min(availableParallelism(), MOST_THREADS) }, () =>
      this.#start(),
    );
    for (;;) {
      const alive = this.#members.filter(({ isLost }) => !isLost);
      if (alive.length === 0) {
        await this.#hashHere(tasks);
        return;
      }
      const free = alive
        .filter(({ pending }) => pending.size < QUEUE)
        .sort((a, b) => a.pending.size - b.pending.size)[0];
      if (free !== undefined) {
        const id = ++this.#count;
        free.pending.set(id, tasks);
        free.thread.post({ id, paths: tasks.map(({ path }) => path) });
        return;
      }
      await this.#wait();
    }
  }

  async #wait(): Promise<void> {
    const tasks = this.#again.pop();
    if (tasks !== undefined) await this.#hashHere(tasks);
    else await this.#news.promise;
    this.#news = Promise.withResolvers<void>();
    this.#signal?.throwIfAborted();
  }

  async #hashHere(tasks: readonly HashTask[]): Promise<void> {
    for (const task of tasks) {
      const { hex, code } = await hashFile(task.path, async () => {
        await turn();
        this.#signal?.throwIfAborted();
      });
      this.#finish(task, hex, code);
    }
    await turn();
    this.#signal?.throwIfAborted();
  }

  #finish(task: HashTask, hex: string | undefined, code: string | undefined): void {
    this.#onBytes(task.size);
    task.done(hex, code);
  }

  #start(): Member {
    const pending: Member["pending"] = new Map();
    const thread = new Thread<HashJob, HashAnswer>("hashes", undefined, {
      onMessage: ({ id, results }) => {
        const tasks = pending.get(id) ?? [];
        pending.delete(id);
        for (const [i, task] of tasks.entries()) {
          this.#finish(task, results[i]?.hex, results[i]?.code);
        }
        this.#news.resolve();
      },
      onLost: () => {
        member.isLost = true;
        this.#again.push(...pending.values());
        pending.clear();
        this.#news.resolve();
      },
    });
    const member: Member = { thread, pending, isLost: false };
    return member;
  }
}
