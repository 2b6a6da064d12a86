import { appendFileSync, readFileSync, statSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { CtxUri } from "@ctxpack/identity";
import { unlessMissing } from "../disk.ts";
import { type KnownRow, labelNumbers } from "./row.ts";

/** The file's first word, which a machine of the other byte order does not find there, and the next one: its version. */
const HEADER: Uint32Array = Uint32Array.of(0x6b6e6f77, 1);

/*
 * A row, in words of 32 bits in the machine's order:
 *   0 number of words, these included   1 CRC-32 of what follows   2–9 the URI's digest
 *   10–11 when it was made, Unix time in ms   12 number of labels   then labels, then members
 */
const URI_AT = 2;
const MADE_AT = 10;
const LABELS_AT = 12;
const FIXED = 13;

/** Appended at a time, in words: less than any disk holds back. */
const LARGEST = 1 << 22;

/** A table that was read. A row is named by the word it begins at. */
export class KnownTable {
  readonly #words: Uint32Array;
  /** Where the last row of each contract begins, by the hex digits of its URI. */
  readonly rows: ReadonlyMap<string, number>;
  /** Rows that were written, those that later ones replace included. */
  readonly written: number;
  /** Why it is not what was written; what came before that is good. */
  readonly damage: string | undefined;

  private constructor(words: Uint32Array, damage: string | undefined) {
    this.#words = words;
    const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
    const rows = new Map<string, number>();
    let written = 0;
    let at = HEADER.length;
    let broken = damage;
    while (broken === undefined && at < words.length) {
      const length = words[at] ?? 0;
      const end = at + length;
      if (!isRow(words, at, end)) broken = `the row at byte ${at * 4} has no end`;
      else if (crc32(bytes.subarray((at + URI_AT) * 4, end * 4)) !== words[at + 1]) {
        broken = `the row at byte ${at * 4} is not what was written`;
      } else {
        rows.set(bytes.toString("hex", (at + URI_AT) * 4, (at + MADE_AT) * 4), at);
        written += 1;
        at = end;
      }
    }
    this.rows = rows;
    this.written = written;
    this.damage = broken;
  }

  /** Reads the table in `path`; one that is not there is empty. Throws what the disk refuses. */
  static read(path: string): KnownTable {
    const bytes = unlessMissing(() => readFileSync(path));
    return bytes === undefined ? new KnownTable(HEADER, undefined) : KnownTable.parse(bytes);
  }

  /** A table from its bytes. */
  static parse(bytes: Uint8Array): KnownTable {
    const whole = bytes.length - (bytes.length % 4);
    // A copy: words have to begin at a multiple of four, which a buffer of Node's pool need not.
    const words = new Uint32Array(whole / 4);
    new Uint8Array(words.buffer).set(bytes.subarray(0, whole));
    if (!HEADER.every((word, i) => words[i] === word)) {
      return new KnownTable(HEADER, "it does not begin as one");
    }
    return new KnownTable(words, whole === bytes.length ? undefined : "it ends within a word");
  }

  /** The bytes of a table of these rows: those of this one, and more. */
  bytesOf(rows: Iterable<number>, more: Iterable<KnownRow>): Uint8Array {
    const kept = Array.from(rows, (at) => this.#words.subarray(at, at + (this.#words[at] ?? 0)));
    return bytesOf([HEADER, ...kept, ...Array.from(more, encode)]);
  }

  uri(at: number): CtxUri {
    const { buffer, byteOffset } = this.#words;
    const digest = Buffer.from(buffer, byteOffset + (at + URI_AT) * 4, (MADE_AT - URI_AT) * 4);
    return `ctx://sha256:${digest.toString("hex")}`;
  }

  /** When the contract of a row was made, Unix time in ms. */
  madeMs(at: number): number {
    return (this.#words[at + MADE_AT] ?? 0) + (this.#words[at + MADE_AT + 1] ?? 0) * 2 ** 32;
  }

  labels(at: number): Uint32Array {
    const from = at + FIXED;
    return this.#words.subarray(from, from + (this.#words[at + LABELS_AT] ?? 0));
  }

  members(at: number): Uint32Array {
    const from = at + FIXED + (this.#words[at + LABELS_AT] ?? 0);
    return this.#words.subarray(from, at + (this.#words[at] ?? 0));
  }
}

/**
 * Adds a row to the table in `path`, in one write: rows of many processes come one after the other, and one that was
 * torn by a kill is found by its check. Throws what the disk refuses.
 */
export function appendRow(path: string, row: KnownRow): void {
  const isNew = (unlessMissing(() => statSync(path).size) ?? 0) === 0;
  const words = encode(row);
  appendFileSync(path, bytesOf(isNew ? [HEADER, words] : [words]), { mode: 0o600 });
}

function isRow(words: Uint32Array, at: number, end: number): boolean {
  const labels = words[at + LABELS_AT] ?? 0;
  const members = end - at - FIXED - labels;
  return end <= words.length && end - at <= LARGEST && members >= 0 && members % 2 === 0;
}

function encode({ uri, madeMs, labels, members }: KnownRow): Uint32Array {
  const digest = Buffer.from(uri.slice("ctx://sha256:".length), "hex");
  const numbers = labelNumbers(labels);
  const words = new Uint32Array(FIXED + numbers.length + members.length);
  const bytes = Buffer.from(words.buffer);
  digest.copy(bytes, URI_AT * 4);
  words[MADE_AT] = madeMs % 2 ** 32;
  words[MADE_AT + 1] = Math.floor(madeMs / 2 ** 32);
  words[LABELS_AT] = numbers.length;
  words.set(numbers, FIXED);
  words.set(members, FIXED + numbers.length);
  words[0] = words.length;
  words[1] = crc32(bytes.subarray(URI_AT * 4));
  return words;
}

function bytesOf(parts: readonly Uint32Array[]): Uint8Array {
  return Buffer.concat(
    parts.map((words) => Buffer.from(words.buffer, words.byteOffset, words.byteLength)),
  );
}
