import { appendFileSync, readFileSync, statSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { CtxUri } from "@ctxpack/identity";
import { unlessMissing } from "../disk.ts";
import { type KnownRow, labelNumbers } from "./row.ts";
import { Shelves } from "./shelves.ts";

/** The file's first word, which a machine of the other byte order does not find there, and the next one: its version. */
const HEADER: Uint32Array = Uint32Array.of(0x6b6e6f77, 1);

/*
 * Words of 32 bits in the machine's order. After the header come blocks, each written at once (and the header again,
 * where two processes began the file at once):
 *   0 number of words, these two included   1 CRC-32 of the rest   2 whether shelves or rows follow
 * Shelves are for each of them when it was looked at, as a double, and then which row of the next block is its first.
 * A row is:
 *   0 number of words   1–8 the URI's digest   9–10 when it was made, Unix time in ms   11 number of labels
 *   then labels, then members
 */
const BLOCK_HEAD = 3;
const CHECKED_FROM = 2;
const SHELVES = 1;
const ROWS = 2;
const DIGEST_AT = 1;
const MADE_AT = 9;
const LABELS_AT = 11;
const FIXED = 12;

/** More blocks than this are written again as one: each is checked on its own. */
const MOST_BLOCKS = 512;

/** Where the digits of a URI begin. */
const HEX_AT = "ctx://sha256:".length;

/** Marks a place of the look-up that is empty: no row begins there. */
const NONE = 0;

/** A table that was read. A row is named by the word it begins at. */
export class KnownTable {
  readonly words: Uint32Array;
  /** Rows that were written, those that later ones replace included. */
  readonly written: number;
  /** Why it is not what was written; what came before that is good. */
  readonly damage: string | undefined;
  /** It takes longer to read than it need. */
  readonly isScattered: boolean;
  readonly #shelves: Shelves | undefined;
  /** Where every row begins, in the order they were written. */
  readonly #written: Uint32Array;
  /** Rows by the first digits of their URIs: open addressing, twice as many places as rows at least. */
  readonly #places: Uint32Array;

  private constructor(words: Uint32Array, damage: string | undefined) {
    this.words = words;
    const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
    // No arrays of numbers here: a heap that stays small is not collected before the process ends.
    const rows = new Uint32Array(Math.ceil(words.length / FIXED));
    let count = 0;
    let broken = damage;
    let blocks = 0;
    let shelves: Shelves | undefined;
    for (let at = HEADER.length; broken === undefined && at < words.length; blocks++) {
      if (isHeader(words, at)) {
        at += HEADER.length;
        continue;
      }
      const end = at + (words[at] ?? 0);
      if (end <= at + BLOCK_HEAD || end > words.length) {
        broken = `what was written at byte ${at * 4} has no end`;
      } else if (crc32(bytes.subarray((at + CHECKED_FROM) * 4, end * 4)) !== words[at + 1]) {
        broken = `what was written at byte ${at * 4} has changed`;
      } else if (blocks === 0 && words[at + CHECKED_FROM] === SHELVES) {
        shelves = Shelves.read(words, at + BLOCK_HEAD, end);
      } else {
        const added =
          words[at + 2] === ROWS ? addRows(words, at + BLOCK_HEAD, end, rows.subarray(count)) : 0;
        if (added === 0) broken = `what was written at byte ${at * 4} is no rows`;
        count += added;
      }
      at = end;
    }
    this.written = count;
    this.damage = broken;
    this.#written = rows.subarray(0, count);
    this.#shelves = broken === undefined ? shelves : undefined;
    this.isScattered = blocks > MOST_BLOCKS;
    this.#places = new Uint32Array(2 ** Math.ceil(Math.log2(count + 1) + 1));
    for (const row of this.#written) {
      const [first = 0, second = 0] = [words[row + DIGEST_AT], words[row + DIGEST_AT + 1]];
      this.#places[this.#place(first, second)] = row;
    }
  }

  /** Reads the table in `path`; one that is not there is empty. Throws what the disk refuses. */
  static read(path: string): KnownTable {
    const bytes = unlessMissing(() => readFileSync(path));
    return bytes === undefined ? KnownTable.empty() : KnownTable.parse(bytes);
  }

  static empty(): KnownTable {
    return new KnownTable(HEADER, undefined);
  }

  /** A table from its bytes. */
  static parse(bytes: Uint8Array): KnownTable {
    const whole = bytes.length - (bytes.length % 4);
    // Words begin at multiples of four, as a file that was read does, but not each part of Node's pool.
    const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    const words = new Uint32Array(buffer, byteOffset, whole / 4);
    if (!isHeader(words, 0)) {
      return new KnownTable(HEADER, "it does not begin as one");
    }
    return new KnownTable(words, whole === bytes.length ? undefined : "it ends within a word");
  }

  /** The last row of a contract; `undefined` without one. */
  find(uri: CtxUri): number | undefined {
    const first = parseInt(uri.slice(HEX_AT, HEX_AT + 8), 16);
    const second = parseInt(uri.slice(HEX_AT + 8, HEX_AT + 16), 16);
    const row = this.#places[this.#place(first, second)] ?? NONE;
    // Two URIs may begin alike if somebody wants them to.
    return row !== NONE && this.uri(row) === uri ? row : undefined;
  }

  /** The rows of a shelf, if nothing has come or gone there since `seenMs`, when it was changed last. */
  shelf(shelf: number, seenMs: number): Uint32Array | undefined {
    return this.#shelves?.rowsOf(shelf, seenMs, this.#written);
  }

  /** A table of some rows of this one, and of more. `seenMs` is for each shelf when it was changed last, 0 if unsure. */
  with(rows: Uint32Array, more: readonly KnownRow[], seenMs: Float64Array): KnownTable {
    const kept = Array.from(rows, (at) => this.words.subarray(at, at + (this.words[at] ?? 0)));
    const shelves = Map.groupBy([...kept, ...more.map(encode)], shelfOf);
    const ordered = Array.from(seenMs, (_, shelf) => shelves.get(shelf) ?? []);
    const blocks = [
      ...block(SHELVES, [Shelves.encode(seenMs, ordered)]),
      ...block(ROWS, ordered.flat()),
    ];
    return KnownTable.parse(bytesOf([HEADER, ...blocks]));
  }

  get bytes(): Uint8Array {
    return bytesOf([this.words]);
  }

  /** Every row that no later one replaces. */
  rows(): Uint32Array {
    return this.#places.filter((row) => row !== NONE);
  }

  uri(at: number): CtxUri {
    let hex = "";
    for (let i = 0; i < 8; i++) {
      hex += (this.words[at + DIGEST_AT + i] ?? 0).toString(16).padStart(8, "0");
    }
    return `ctx://sha256:${hex}`;
  }

  /** When the contract of a row was made, Unix time in ms. */
  madeMs(at: number): number {
    return (this.words[at + MADE_AT] ?? 0) + (this.words[at + MADE_AT + 1] ?? 0) * 2 ** 32;
  }

  /** Where the labels of a row are in `words`; its members follow. */
  labelsAt(at: number): number {
    return at + FIXED;
  }

  membersAt(at: number): number {
    return at + FIXED + (this.words[at + LABELS_AT] ?? 0);
  }

  endOf(at: number): number {
    return at + (this.words[at] ?? 0);
  }

  /** The place of a key, or the empty one where it would be. */
  #place(first: number, second: number): number {
    const mask = this.#places.length - 1;
    for (let place = first & mask; ; place = (place + 1) & mask) {
      const row = this.#places[place] ?? NONE;
      if (row === NONE) return place;
      const isSame =
        this.words[row + DIGEST_AT] === first && this.words[row + DIGEST_AT + 1] === second;
      if (isSame) return place;
    }
  }
}

/**
 * Adds a row to the table in `path`, in one write: rows of many processes come one after the other, and one that was
 * torn by a kill is found by its check. Throws what the disk refuses.
 */
export function appendRow(path: string, row: KnownRow): void {
  const isNew = (unlessMissing(() => statSync(path).size) ?? 0) === 0;
  const words = block(ROWS, [encode(row)]);
  appendFileSync(path, bytesOf(isNew ? [HEADER, ...words] : words), { mode: 0o600 });
}

/** Whether the header stands at `at`; no block is as long as its first word would say. */
function isHeader(words: Uint32Array, at: number): boolean {
  return HEADER.every((word, i) => words[at + i] === word);
}

/** Notes where the rows of a block begin; how many there are, 0 when they do not fill it. */
function addRows(words: Uint32Array, from: number, end: number, into: Uint32Array): number {
  let count = 0;
  for (let at = from; at < end; count++) {
    const next = at + (words[at] ?? 0);
    const members = next - at - FIXED - (words[at + LABELS_AT] ?? 0);
    if (next > end || members < 0 || members % 2 !== 0) return 0;
    into[count] = at;
    at = next;
  }
  return count;
}

/** What is written at once, with its length and check before it; nothing for nothing. */
function block(kind: number, parts: readonly Uint32Array[]): Uint32Array[] {
  if (parts.length === 0) return [];
  const length = parts.reduce((sum, words) => sum + words.length, BLOCK_HEAD);
  const body = [Uint32Array.of(kind), ...parts];
  return [Uint32Array.of(length, crc32(bytesOf(body))), ...body];
}

function shelfOf(row: Uint32Array): number {
  return (row[DIGEST_AT] ?? 0) >>> 24;
}

function encode({ uri, madeMs, labels, members }: KnownRow): Uint32Array {
  const hex = uri.slice(HEX_AT);
  const numbers = labelNumbers(labels);
  const words = new Uint32Array(FIXED + numbers.length + members.length);
  words[0] = words.length;
  for (let i = 0; i < 8; i++) words[DIGEST_AT + i] = parseInt(hex.slice(8 * i, 8 * i + 8), 16);
  words[MADE_AT] = madeMs % 2 ** 32;
  words[MADE_AT + 1] = Math.floor(madeMs / 2 ** 32);
  words[LABELS_AT] = numbers.length;
  words.set(numbers, FIXED);
  words.set(members, FIXED + numbers.length);
  return words;
}

function bytesOf(parts: readonly Uint32Array[]): Uint8Array {
  return Buffer.concat(
    parts.map((words) => Buffer.from(words.buffer, words.byteOffset, words.byteLength)),
  );
}
