import { crc32 } from "node:zlib";
import type { PackRecord } from "../record.ts";

const SCHEMA = "ctxpack.known-records/v1";
const LINE_END = 0x0a;

/** The records of one shelf. */
export interface KnownShelf {
  readonly shelf: number;
  /** When the shelf had been changed last as they were read, Unix time in ms; 0 if that was too new to be sure of it. */
  readonly seenMs: number;
  readonly records: readonly PackRecord[];
}

/** Number of a shelf, when it was changed, bytes of its records. */
type Part = readonly [shelf: number, seenMs: number, length: number];

/**
 * The file of known records: a line with the CRC-32 of all that follows it, a line of JSON with the parts, and for
 * each of them an array of records. A part is parsed when it is asked for.
 */
export class RecordsList {
  readonly #parts: ReadonlyMap<number, { readonly seenMs: number; readonly json: Buffer }>;

  private constructor(parts: readonly Part[], body: Buffer) {
    const all = new Map<number, { readonly seenMs: number; readonly json: Buffer }>();
    let at = 0;
    for (const [shelf, seenMs, length] of parts) {
      all.set(shelf, { seenMs, json: body.subarray(at, at + length) });
      at += length;
    }
    this.#parts = all;
  }

  static empty(): RecordsList {
    return new RecordsList([], Buffer.alloc(0));
  }

  /** A list from its file; `undefined` for anything else. */
  static parse(file: Buffer): RecordsList | undefined {
    const end = file.indexOf(LINE_END);
    const rest = file.subarray(end + 1);
    const partsEnd = rest.indexOf(LINE_END);
    if (end === -1 || partsEnd === -1) return undefined;
    if (file.toString("latin1", 0, end) !== firstLine(rest)) return undefined;
    // From here on it is what we wrote.
    const parts = JSON.parse(rest.toString("latin1", 0, partsEnd)) as readonly Part[];
    return new RecordsList(parts, rest.subarray(partsEnd + 1));
  }

  static format(shelves: readonly KnownShelf[]): Buffer {
    const texts = shelves.map(({ records }) => Buffer.from(JSON.stringify(records)));
    const parts = shelves.map(
      ({ shelf, seenMs }, i): Part => [shelf, seenMs, texts[i]?.length ?? 0],
    );
    const rest = Buffer.concat([Buffer.from(`${JSON.stringify(parts)}\n`), ...texts]);
    return Buffer.concat([Buffer.from(`${firstLine(rest)}\n`), rest]);
  }

  /** The records of a shelf, if it has not been changed since `changedMs`. */
  on(shelf: number, changedMs: number): KnownShelf | undefined {
    const part = this.#parts.get(shelf);
    if (part === undefined || part.seenMs !== changedMs) return undefined;
    const records = JSON.parse(part.json.toString()) as readonly PackRecord[];
    return { shelf, seenMs: changedMs, records };
  }
}

function firstLine(rest: Buffer): string {
  return `${SCHEMA} ${crc32(rest)}`;
}
