import { giveMemory, takeMemory } from "./budget.ts";
import { type BlobPart, downloadPart, type Shortcut } from "./download.ts";

/** Bytes of one range: enough to make its request worth it, few enough to hold several. */
const RANGE = 8 << 20;
/** Ranges of one blob on their way at once. */
const AT_ONCE = 4;

/** Whether a blob is worth more than one connection. */
export function isWorthRanges(bytes: number): boolean {
  return bytes > 2 * RANGE;
}

/**
 * The bytes of a blob in order, fetched in several ranges at once. At most 4 ranges of 8 MiB are held, fewer when
 * the budget of all downloads is spent. The first failure closes the others.
 */
export async function* downloadRanges(part: BlobPart): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const signal = part.signal ? AbortSignal.any([part.signal, stop.signal]) : stop.signal;
  const window: Fetching[] = [];
  let next = part.start;
  let ranged: boolean | undefined;
  const shortcut: Shortcut = {
    onAnswer: (answer) => {
      if (ranged === undefined && answer) {
        ranged = true;
        fill();
      } else if (!answer) ranged = false;
    },
  };
  const fill = (): void => {
    // Those that are on their way arrive all the same.
    if (ranged === false) return;
    while (next < part.end && window.length < (ranged ? AT_ONCE : 1)) {
      const end = Math.min(next + RANGE, part.end);
      const budgeted = takeMemory(end - next);
      // The one that is waited for goes on in any case.
      if (!budgeted && window.length > 0) return;
      window.push(new Fetching({ ...part, start: next, end, signal }, shortcut, budgeted));
      next = end;
    }
  };
  try {
    // The first one finds out whether there are ranges; the others start when it has its answer.
    for (fill(); window.length > 0; fill()) {
      const first = window[0] as Fetching;
      yield* first.chunks();
      window.shift();
      first.end();
    }
    // A registry that gives the whole blob each time is asked for the rest once.
    if (next < part.end) yield* downloadPart({ ...part, start: next, signal });
  } finally {
    stop.abort();
    await Promise.allSettled(window.map((fetching) => fetching.done));
    for (const fetching of window) fetching.end();
  }
}

/** One range on its way: it arrives whether or not somebody reads it yet. */
class Fetching {
  readonly done: Promise<void>;
  readonly #arrived: Uint8Array[] = [];
  readonly #budget: number;
  #failure: { readonly reason: unknown } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(part: BlobPart, shortcut: Shortcut, budgeted: boolean) {
    this.#budget = budgeted ? part.end - part.start : 0;
    this.done = this.#fetch(part, shortcut);
  }

  /** What has arrived and what arrives, until the range is whole. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#arrived.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#failure !== undefined) throw this.#failure.reason;
      else if (this.#ended) return;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    }
  }

  /** Nobody reads it any more. */
  end(): void {
    this.#arrived.length = 0;
    giveMemory(this.#budget);
  }

  async #fetch(part: BlobPart, shortcut: Shortcut): Promise<void> {
    try {
      for await (const chunk of downloadPart(part, shortcut)) {
        this.#arrived.push(chunk);
        this.#wake?.();
      }
    } catch (reason) {
      this.#failure = { reason };
    }
    this.#ended = true;
    this.#wake?.();
  }
}
