import { crc32 } from "node:zlib";

const SCHEMA = "ctxpack.known-records/v1";
const LINE_END = 0x0a;

/** The records of one shelf. */
export interface KnownShelf {
  readonly shelf: number;
  /** When the shelf had been changed last as they were read, Unix time in ms. */
  readonly seenMs: number;
  /** An array of records, JSON in UTF-8. */
  readonly json: Buffer;
}

/** Number of a shelf, when it was changed, bytes of its records. */
type Part = readonly [shelf: number, seenMs: number, length: number];

/**
 * The file of known records: a line with the CRC-32 of all that follows it, a line of JSON with the parts, and for
 * each of them an array of records. A part is parsed when it is asked for.
 */
export class RecordsList {
  readonly shelves: readonly KnownShelf[];

  private constructor(shelves: readonly KnownShelf[]) {
    this.shelves = shelves;
  }

  static empty(): RecordsList {
    return new RecordsList([]);
  }

  /** A list from its file; `undefined` for anything else. */
  static parse(file: Buffer): RecordsList | undefined {
    const end = file.indexOf(LINE_END);
    const rest = file.subarray(end + 1);
    const partsEnd = rest.indexOf(LINE_END);
    if (end === -1 || partsEnd === -1) return undefined;
    if (file.toString("latin1", 0, end) !== firstLine(crc32(rest))) return undefined;
    // From here on it is what we wrote.
    const parts = JSON.parse(rest.toString("latin1", 0, partsEnd)) as readonly Part[];
    let at = partsEnd + 1;
    const shelves = parts.map(([shelf, seenMs, length]): KnownShelf => {
      const json = rest.subarray(at, at + length);
      at += length;
      return { shelf, seenMs, json };
    });
    return new RecordsList(shelves);
  }

  /** The file's bytes, in pieces. */
  static format(shelves: readonly KnownShelf[]): Buffer[] {
    const parts = shelves.map(({ shelf, seenMs, json }): Part => [shelf, seenMs, json.length]);
    const rest = [Buffer.from(`${JSON.stringify(parts)}\n`), ...shelves.map(({ json }) => json)];
    const check = rest.reduce((sum, piece) => crc32(piece, sum), 0);
    return [Buffer.from(`${firstLine(check)}\n`), ...rest];
  }
}

function firstLine(check: number): string {
  return `${SCHEMA} ${check}`;
}
