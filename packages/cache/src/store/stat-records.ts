import { hash } from "node:crypto";

/** Bytes of a key. */
export const KEY_BYTES = 16;

/** A record in 32-bit words: key, digest, and the day it was last of use (since the epoch). */
const KEY_WORDS = 4;
const DAY_WORD = 12;
const RECORD_WORDS = 13;
const RECORD_BYTES: number = RECORD_WORDS * 4;
const DIGEST_BYTES = 32;

/** So many rows there may be: with a word of 32 bits before it, a row fits into a number. */
const MOST_ROWS = 2 ** 21;

const magic = "ctxpack.stat-index/v1\n";
const HEADER_BYTES: number = 24 + 32;

/** The bits of a SHA-256, as many as a key has. */
export type Key = Uint32Array;

/**
 * Records of one size, sorted by key, word by word as this machine reads them: on a machine of the other
 * byte order nothing is found. Keys are evenly spread, so where one lies can be guessed.
 */
export class SortedRecords {
  /** The records, one behind the other. */
  readonly bytes: Buffer;
  readonly #words: Uint32Array;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  static empty(): SortedRecords {
    return new SortedRecords(Buffer.alloc(0));
  }

  /** The records in a file of ours, or `undefined` when it is damaged or another version's. */
  static parse(file: Buffer): SortedRecords | undefined {
    const body = file.subarray(HEADER_BYTES);
    if (file.length < HEADER_BYTES || body.length % RECORD_BYTES !== 0) return undefined;
    if (file.toString("latin1", 0, magic.length) !== magic) return undefined;
    const checksum = hash("sha256", body, "buffer");
    if (!checksum.equals(file.subarray(24, HEADER_BYTES))) return undefined;
    return new SortedRecords(body.byteOffset % 4 === 0 ? body : copyOf(body));
  }

  /** What comes before the records in a file: magic and SHA-256 of the records. */
  header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(magic, "latin1");
    hash("sha256", this.bytes, "buffer").copy(header, 24);
    return header;
  }

  get count(): number {
    return this.bytes.length / RECORD_BYTES;
  }

  /** The row of `key`, or -1. */
  find(key: Key): number {
    const row = this.#lowerBound(key, 0, 0);
    return row < this.count && this.#compare(row, key, 0) === 0 ? row : -1;
  }

  digest(row: number): string {
    return hexAt(this.bytes, row);
  }

  day(row: number): number {
    return this.#words[row * RECORD_WORDS + DAY_WORD] ?? 0;
  }

  setDay(row: number, day: number): void {
    this.#words[row * RECORD_WORDS + DAY_WORD] = day;
  }

  /** The records of both; where both have a key, those of `newer`, with the later of the two days. */
  merge(newer: SortedRecords): SortedRecords {
    if (newer.count === 0 || this.bytes.equals(newer.bytes)) return this;
    if (this.count === 0) return newer;
    const merged = Buffer.allocUnsafeSlow(this.bytes.length + newer.bytes.length);
    let length = 0;
    let from = 0;
    for (let row = 0; row < newer.count; row++) {
      const to = this.#lowerBound(newer.#words, row * RECORD_WORDS, from);
      length += this.bytes.copy(merged, length, from * RECORD_BYTES, to * RECORD_BYTES);
      const both = to < this.count && this.#compare(to, newer.#words, row * RECORD_WORDS) === 0;
      if (both) newer.setDay(row, Math.max(this.day(to), newer.day(row)));
      length += newer.bytes.copy(merged, length, row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
      from = both ? to + 1 : to;
    }
    length += this.bytes.copy(merged, length, from * RECORD_BYTES);
    return new SortedRecords(merged.subarray(0, length));
  }

  /** The records of use on `day` or later, and of these no more than `most`, the latest. */
  since(day: number, most: number): SortedRecords {
    if (this.count <= most && this.#earliest() >= day) return this;
    const days = new Map<number, number>();
    for (let row = 0; row < this.count; row++) {
      days.set(this.day(row), (days.get(this.day(row)) ?? 0) + 1);
    }
    let room = most;
    let first = Number.POSITIVE_INFINITY;
    for (const [found, count] of [...days].sort((a, b) => b[0] - a[0])) {
      if (found < day || room < 0) break;
      first = found;
      room -= count;
    }
    // Of the earliest day that is kept, `-room` records are too many: which ones does not matter.
    return this.#filter(first, Math.max(0, -room));
  }

  #earliest(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (let row = 0; row < this.count; row++) earliest = Math.min(earliest, this.day(row));
    return earliest;
  }

  #filter(first: number, excess: number): SortedRecords {
    const kept = Buffer.allocUnsafeSlow(this.bytes.length);
    let length = 0;
    let drop = excess;
    for (let row = 0; row < this.count; row++) {
      const day = this.day(row);
      if (day < first || (day === first && drop-- > 0)) continue;
      length += this.bytes.copy(kept, length, row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
    }
    return new SortedRecords(kept.subarray(0, length));
  }

  /** The first row from `from` on whose key is not less: interpolation, then bisection. */
  #lowerBound(words: Uint32Array, at: number, from: number): number {
    let low = from;
    let high = this.count;
    for (let step = 0; low < high; step++) {
      const row = step < 4 ? this.#guess(words[at] ?? 0, low, high) : (low + high) >>> 1;
      if (this.#compare(row, words, at) < 0) low = row + 1;
      else high = row;
    }
    return low;
  }

  #guess(word: number, low: number, high: number): number {
    const least = this.#words[low * RECORD_WORDS] ?? 0;
    const most = this.#words[(high - 1) * RECORD_WORDS] ?? 0;
    const part = (word - least) / (most - least + 1);
    return Math.min(high - 1, Math.max(low, low + Math.floor(part * (high - low))));
  }

  #compare(row: number, words: Uint32Array, at: number): number {
    return compareKeys(this.#words, row * RECORD_WORDS, words, at);
  }
}

/** Records in the order they came, found by key: what is new since a file was loaded; at most `MOST_ROWS`. */
export class NewRecords {
  #bytes: Buffer = Buffer.alloc(64 * RECORD_BYTES);
  #words: Uint32Array = new Uint32Array(this.#bytes.buffer);
  #count = 0;
  /** Row + 1 of a key at its first bits or the next free place; half of the places stay free. */
  #slots: Uint32Array = new Uint32Array(128);

  get count(): number {
    return this.#count;
  }

  find(key: Key): string | undefined {
    const row = (this.#slots[this.#slot(key, 0)] ?? 0) - 1;
    return row < 0 ? undefined : hexAt(this.#bytes, row);
  }

  put(key: Key, hex: string, day: number): void {
    if (this.#count === MOST_ROWS) throw new RangeError(`more than ${MOST_ROWS} new records`);
    if ((this.#count + 1) * RECORD_BYTES > this.#bytes.length) this.#grow();
    const slot = this.#slot(key, 0);
    const row = (this.#slots[slot] || ++this.#count) - 1;
    this.#slots[slot] = row + 1;
    this.#words.set(key, row * RECORD_WORDS);
    this.#bytes.write(hex, row * RECORD_BYTES + KEY_BYTES, "hex");
    this.#words[row * RECORD_WORDS + DAY_WORD] = day;
  }

  sorted(): SortedRecords {
    const sorted = Buffer.allocUnsafeSlow(this.#count * RECORD_BYTES);
    for (const [i, row] of this.#inOrder().entries()) {
      this.#bytes.copy(sorted, i * RECORD_BYTES, row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
    }
    return new SortedRecords(sorted);
  }

  /** The rows in the order of their keys. */
  #inOrder(): Uint32Array {
    // Numbers that hold first word and row are sorted ten times as fast as rows by a function.
    const numbers = Float64Array.from(
      { length: this.#count },
      (_, row) => (this.#words[row * RECORD_WORDS] ?? 0) * MOST_ROWS + row,
    ).sort();
    const rows = Uint32Array.from(numbers, (number) => number % MOST_ROWS);
    for (let i = 1; i < rows.length; i++) {
      // Few begin with the same word, and they are neighbours by now.
      for (let at = i; at > 0 && this.#isBefore(rows[at], rows[at - 1]); at--) {
        [rows[at], rows[at - 1]] = [rows[at - 1] as number, rows[at] as number];
      }
    }
    return rows;
  }

  #isBefore(a = 0, b = 0): boolean {
    return compareKeys(this.#words, a * RECORD_WORDS, this.#words, b * RECORD_WORDS) < 0;
  }

  /** Where the key at `at` of `words` stands, or the free place where it would. */
  #slot(words: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = (words[at] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0 || compareKeys(this.#words, row * RECORD_WORDS, words, at) === 0) return slot;
    }
  }

  #grow(): void {
    const grown = Buffer.alloc(this.#bytes.length * 2);
    this.#bytes.copy(grown);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#count; row++) {
      this.#slots[this.#slot(this.#words, row * RECORD_WORDS)] = row + 1;
    }
  }
}

function compareKeys(a: Uint32Array, atA: number, b: Uint32Array, atB: number): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    const difference = (a[atA + i] ?? 0) - (b[atB + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function hexAt(bytes: Buffer, row: number): string {
  const at = row * RECORD_BYTES + KEY_BYTES;
  return bytes.toString("hex", at, at + DIGEST_BYTES);
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
