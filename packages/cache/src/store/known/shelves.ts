/** Records lie on so many shelves, by the first byte of their digests. */
export const SHELF_COUNT = 256;

/** A shelf that changed less than this ago may change again without a trace, in milliseconds. */
export const SETTLED_MS = 2000;

/** More shelves than this are not listed again and again. */
export const MOST_LISTED = 16;

/** The event loop gets a turn at least this often while shelves are looked through, in milliseconds. */
export const SLICE_MS = 10;

/**
 * Which rows of a table were those of a shelf, and when the shelf had been changed last: as long as that is so, it
 * need not be listed again.
 */
export class Shelves {
  readonly #seenMs: Float64Array;
  /** Numbers of rows: where each shelf begins, and where the last one ends. */
  readonly #bounds: Uint32Array;

  private constructor(seenMs: Float64Array, bounds: Uint32Array) {
    this.#seenMs = seenMs;
    this.#bounds = bounds;
  }

  /** Reads what `encode` gives; `undefined` for another length. */
  static read(words: Uint32Array, from: number, end: number): Shelves | undefined {
    if (end - from !== 3 * SHELF_COUNT + 1) return undefined;
    const bounds = words.slice(from + 2 * SHELF_COUNT, end);
    // Doubles begin at multiples of eight: a copy.
    return new Shelves(new Float64Array(words.slice(from, from + 2 * SHELF_COUNT).buffer), bounds);
  }

  static encode(seenMs: Float64Array, rows: readonly (readonly unknown[])[]): Uint32Array {
    const words = new Uint32Array(3 * SHELF_COUNT + 1);
    words.set(new Uint32Array(seenMs.buffer, seenMs.byteOffset, 2 * SHELF_COUNT));
    let count = 0;
    for (let shelf = 0; shelf < SHELF_COUNT; shelf++) {
      words[2 * SHELF_COUNT + shelf] = count;
      count += rows[shelf]?.length ?? 0;
    }
    words[3 * SHELF_COUNT] = count;
    return words;
  }

  rowsOf(shelf: number, seenMs: number, rows: Uint32Array): Uint32Array | undefined {
    if (seenMs === 0 || this.#seenMs[shelf] !== seenMs) return undefined;
    return rows.subarray(this.#bounds[shelf], this.#bounds[shelf + 1]);
  }
}
