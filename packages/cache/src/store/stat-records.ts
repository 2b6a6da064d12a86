import { hash } from "node:crypto";

/** Bytes of a record: key, digest, and the day it was last of use (since the epoch, little-endian). */
export const KEY_BYTES = 16;
const DIGEST_BYTES = 32;
const DAY_AT: number = KEY_BYTES + DIGEST_BYTES;
const RECORD_BYTES: number = DAY_AT + 4;

const magic = "ctxpack.stat-index/v1\n";
const HEADER_BYTES: number = 24 + 32;

/** Records of one size, sorted by key. Keys are SHA-256 bits, so where one lies can be guessed. */
export class SortedRecords {
  /** The records, one behind the other. */
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
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
    return checksum.equals(file.subarray(24, HEADER_BYTES)) ? new SortedRecords(body) : undefined;
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
  find(key: Buffer): number {
    const row = this.#lowerBound(key, 0);
    return row < this.count && this.#compareKey(row, key) === 0 ? row : -1;
  }

  digest(row: number): string {
    const at = row * RECORD_BYTES + KEY_BYTES;
    return this.bytes.toString("hex", at, at + DIGEST_BYTES);
  }

  day(row: number): number {
    return this.bytes.readUInt32LE(row * RECORD_BYTES + DAY_AT);
  }

  setDay(row: number, day: number): void {
    this.bytes.writeUInt32LE(day, row * RECORD_BYTES + DAY_AT);
  }

  /** The records of both; where both have a key, those of `newer`, with the later of the two days. */
  merge(newer: SortedRecords): SortedRecords {
    if (newer.count === 0) return this;
    const merged = Buffer.allocUnsafeSlow(this.bytes.length + newer.bytes.length);
    let length = 0;
    let from = 0;
    for (let row = 0; row < newer.count; row++) {
      const record = newer.bytes.subarray(row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
      const to = this.#lowerBound(record, from);
      length += this.bytes.copy(merged, length, from * RECORD_BYTES, to * RECORD_BYTES);
      const both = to < this.count && this.#compareKey(to, record) === 0;
      length += record.copy(merged, length);
      if (both) merged.writeUInt32LE(Math.max(this.day(to), newer.day(row)), length - 4);
      from = both ? to + 1 : to;
    }
    length += this.bytes.copy(merged, length, from * RECORD_BYTES);
    return new SortedRecords(merged.subarray(0, length));
  }

  /** The records of use on `day` or later, and of these no more than `most`, the latest. */
  since(day: number, most: number): SortedRecords {
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

  #filter(first: number, excess: number): SortedRecords {
    const kept = Buffer.allocUnsafeSlow(this.bytes.length);
    let length = 0;
    let drop = excess;
    for (let row = 0; row < this.count; row++) {
      const day = this.day(row);
      if (day < first || (day === first && drop-- > 0)) continue;
      length += this.bytes.copy(kept, length, row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
    }
    return length === this.bytes.length ? this : new SortedRecords(kept.subarray(0, length));
  }

  /** The first row from `from` on whose key is not less: interpolation, then bisection. */
  #lowerBound(key: Buffer, from: number): number {
    let low = from;
    let high = this.count;
    for (let step = 0; low < high; step++) {
      const row = step < 4 ? this.#guess(key, low, high) : (low + high) >>> 1;
      if (this.#compareKey(row, key) < 0) low = row + 1;
      else high = row;
    }
    return low;
  }

  #guess(key: Buffer, low: number, high: number): number {
    const least = this.bytes.readUInt32BE(low * RECORD_BYTES);
    const most = this.bytes.readUInt32BE((high - 1) * RECORD_BYTES);
    const part = (key.readUInt32BE(0) - least) / (most - least + 1);
    return Math.min(high - 1, Math.max(low, low + Math.floor(part * (high - low))));
  }

  /** `key` may be a record: its first bytes count. */
  #compareKey(row: number, key: Buffer): number {
    const at = row * RECORD_BYTES;
    return this.bytes.compare(key, 0, KEY_BYTES, at, at + KEY_BYTES);
  }
}

/** Records in the order they came, found by key: what is new since a file was loaded. */
export class NewRecords {
  #bytes: Buffer = Buffer.alloc(64 * RECORD_BYTES);
  #count = 0;
  /** Row + 1 of a key at its first 32 bits or the next free place; half of the places stay free. */
  #slots: Uint32Array = new Uint32Array(128);

  get count(): number {
    return this.#count;
  }

  find(key: Buffer): string | undefined {
    const row = (this.#slots[this.#slot(key, 0)] ?? 0) - 1;
    if (row < 0) return undefined;
    const at = row * RECORD_BYTES + KEY_BYTES;
    return this.#bytes.toString("hex", at, at + DIGEST_BYTES);
  }

  put(key: Buffer, hex: string, day: number): void {
    if ((this.#count + 1) * RECORD_BYTES > this.#bytes.length) this.#grow();
    const slot = this.#slot(key, 0);
    const row = (this.#slots[slot] || ++this.#count) - 1;
    this.#slots[slot] = row + 1;
    const at = row * RECORD_BYTES;
    key.copy(this.#bytes, at, 0, KEY_BYTES);
    this.#bytes.write(hex, at + KEY_BYTES, "hex");
    this.#bytes.writeUInt32LE(day, at + DAY_AT);
  }

  sorted(): SortedRecords {
    const rows = new Uint32Array(this.#count).map((_, row) => row);
    rows.sort((a, b) => this.#compare(a * RECORD_BYTES, b * RECORD_BYTES));
    const sorted = Buffer.allocUnsafeSlow(this.#count * RECORD_BYTES);
    for (const [i, row] of rows.entries()) {
      this.#bytes.copy(sorted, i * RECORD_BYTES, row * RECORD_BYTES, (row + 1) * RECORD_BYTES);
    }
    return new SortedRecords(sorted);
  }

  #compare(a: number, b: number): number {
    const first = this.#bytes.readUInt32BE(a) - this.#bytes.readUInt32BE(b);
    return first || this.#bytes.compare(this.#bytes, b, b + KEY_BYTES, a, a + KEY_BYTES);
  }

  /** Where the key at `offset` of `key` stands, or the free place where it would. */
  #slot(key: Buffer, offset: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = key.readUInt32LE(offset + 4) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0) return slot;
      const at = row * RECORD_BYTES;
      if (this.#bytes.compare(key, offset, offset + KEY_BYTES, at, at + KEY_BYTES) === 0) {
        return slot;
      }
    }
  }

  #grow(): void {
    this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#count; row++) {
      this.#slots[this.#slot(this.#bytes, row * RECORD_BYTES)] = row + 1;
    }
  }
}
