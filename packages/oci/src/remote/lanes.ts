import { unlessAborted } from "../abort.ts";

const EPOCH_MS = 100;

/**
 * How many requests may be in flight to a host: as many as it bears. One more after each success, until it said that there
 * were too many: then half of them (once per 100 ms), and from there one more after as many successes as there are lanes
 * (slow start and congestion avoidance, RFC 5681 §3.1).
 */
export class Lanes {
  readonly #most: number;
  #limit: number;
  #busy = 0;
  #successes = 0;
  #wasCut = false;
  #cutAt = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Set<() => void>();

  constructor(first: number, most: number) {
    this.#most = most;
    this.#limit = Math.min(first, most);
  }

  /** The number of lanes now. */
  get limit(): number {
    return this.#limit;
  }

  /** Waits for a lane; call what it resolves to, once or more often, to give it back. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    while (this.#busy >= this.#limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      try {
        await unlessAborted(promise, signal);
      } catch (error) {
        // Woken up and aborted at once: the next one must not wait for a lane that is free.
        if (!this.#waiting.delete(resolve)) this.#wake();
        throw error;
      }
    }
    this.#busy++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#busy--;
      this.#wake();
    };
  }

  /** A request was answered. */
  succeeded(): void {
    if (this.#limit >= this.#most) return;
    if (++this.#successes < this.#limit && this.#wasCut) return;
    this.#successes = 0;
    this.#limit++;
    this.#wake();
  }

  /** The host has too many of them. */
  overloaded(nowMs: number = performance.now()): void {
    if (nowMs - this.#cutAt < EPOCH_MS) return;
    this.#cutAt = nowMs;
    this.#wasCut = true;
    this.#successes = 0;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  #wake(): void {
    if (this.#busy >= this.#limit) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
