import { Cursor } from "./cursor.ts";

/** What is read at a time, but for entries longer than that, in bytes. */
const BLOCK: number = 2 ** 20;

/** Reads bytes of an index from `at` on, `into.length` of them. */
export type ReadIndexBytes = (at: number, into: Uint8Array) => void;

/** The bytes of an index that has been checked: at hand, or elsewhere and read in blocks, of which it has one. */
export class IndexText {
  #cursor: Cursor;
  /** Where the cursor's bytes begin in the index. */
  #base = 0;
  /** What blocks are read into. */
  #room: Buffer = Buffer.allocUnsafeSlow(0);
  #elsewhere: { readonly read: ReadIndexBytes; readonly starts: readonly number[] } | undefined;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The cursor, at byte `at` of the index, where an entry begins; good until the next call. */
  seek(at: number): Cursor {
    this.#open(at);
    this.#cursor.at = at - this.#base;
    return this.#cursor;
  }

  /** What is at hand of it. */
  get bytes(): Uint8Array {
    return this.#cursor.bytes;
  }

  /** Where in the index the cursor stands. */
  get at(): number {
    return this.#base + this.#cursor.at;
  }

  /** The bytes from `from`, where an entry begins, to `to`. */
  copy(from: number, to: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(to - from);
    for (let at = from; at < to; ) {
      const cursor = this.seek(at);
      const part = cursor.bytes.subarray(cursor.at, cursor.at + to - at);
      bytes.set(part, at - from);
      at += part.length;
    }
    return bytes;
  }

  /** Has entries read by `read` from now on; `rows` says where each begins, the last one ends at `end`. */
  leave(rows: Uint32Array, end: number, read: ReadIndexBytes): void {
    const starts: number[] = [];
    for (const at of rows)
      if (at - (starts.at(-1) ?? Number.NEGATIVE_INFINITY) >= BLOCK) starts.push(at);
    this.#elsewhere = { read, starts: [...starts, end] };
    this.#cursor = checked(this.#room);
  }

  #open(at: number): void {
    if (this.#elsewhere === undefined) return;
    if (at >= this.#base && at < this.#base + this.#cursor.bytes.length) return;
    const { read, starts } = this.#elsewhere;
    let low = 0;
    for (let high = starts.length - 1; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= at) low = middle;
      else high = middle;
    }
    const base = starts[low] as number;
    const size = (starts[low + 1] as number) - base;
    // Always the same memory, or what is read again and again would be left to the collector.
    if (this.#room.length < size) this.#room = Buffer.allocUnsafeSlow(size + BLOCK);
    const bytes = this.#room.subarray(0, size);
    this.#cursor = checked(bytes.subarray(0, 0));
    read(base, bytes);
    this.#cursor = checked(bytes);
    this.#base = base;
  }
}

function checked(bytes: Buffer): Cursor {
  const cursor = new Cursor(bytes);
  cursor.isChecked = true;
  return cursor;
}
