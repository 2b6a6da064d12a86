import { unlessAborted } from "./abort.ts";

/**
 * How many blobs may be on their way at once: so many of any size, or more, up to `small`, as long as they come to 16 MiB
 * at most. Small blobs wait for the other end, not for the line: a far registry takes many of them in the same time.
 */
export type BlobConcurrency =
  | number
  | {
      readonly blobs: number;
      readonly small: number;
    };

/** What more blobs than usual may come to, in bytes. */
const SMALL_BYTES: number = 16 * 1024 * 1024;

/** Lets blobs go in the order in which they came, as many at a time as they may be. */
export class BlobWindow {
  readonly #blobs: number;
  readonly #small: number;
  readonly #waiting: { readonly size: number; readonly go: () => void }[] = [];
  #running = 0;
  #bytes = 0;

  constructor(concurrency: BlobConcurrency) {
    const { blobs, small } =
      typeof concurrency === "number" ? { blobs: concurrency, small: concurrency } : concurrency;
    this.#blobs = blobs;
    this.#small = Math.max(blobs, small);
  }

  /** Runs a task of a blob of `size` bytes when there is room for it. An abort ends the waiting, not the task. */
  async run<T>(size: number, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(size, signal);
    try {
      return await task();
    } finally {
      this.#running--;
      this.#bytes -= size;
      this.#wake();
    }
  }

  async #enter(size: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && this.#fits(size)) {
      this.#take(size);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = { size, go: resolve };
    this.#waiting.push(one);
    try {
      await unlessAborted(promise, signal);
    } catch (error) {
      const place = this.#waiting.indexOf(one);
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#give(size);
      throw error;
    }
  }

  #fits(size: number): boolean {
    if (this.#running < this.#blobs) return true;
    return this.#running < this.#small && this.#bytes + size <= SMALL_BYTES;
  }

  #take(size: number): void {
    this.#running++;
    this.#bytes += size;
  }

  /** Woken up and aborted at once: the place is somebody else's. */
  #give(size: number): void {
    this.#running--;
    this.#bytes -= size;
    this.#wake();
  }

  #wake(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.size);
      next.go();
    }
  }
}
