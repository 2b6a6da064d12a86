import { crc32 } from "node:zlib";
import type { PackBrief, PackRecord } from "../record.ts";

const SCHEMA = "ctxpack.known-records/v2";
const LINE_END = 0x0a;

/** The first line is no longer, in bytes. */
export const FIRST_LINE: number = 128;

/** What a list of packs shows of one shelf. */
export interface BriefShelf {
  readonly shelf: number;
  /** When the shelf had been changed last as its records were read, Unix time in ms. */
  readonly seenMs: number;
  /** An array of `PackBrief`, JSON in UTF-8. */
  readonly brief: Buffer;
}

/** The records of one shelf. */
export interface KnownShelf extends BriefShelf {
  /** An array of `PackRecord`, JSON in UTF-8: those of `brief`, whole. */
  readonly json: Buffer;
}

/** Number of a shelf, when it was changed, bytes of its briefs and of its records. */
type Part = readonly [shelf: number, seenMs: number, brief: number, json: number];

/** What the first line says of the rest. */
interface Layout {
  /** Length of the parts and briefs, in bytes, and their CRC-32. */
  readonly head: number;
  readonly headCrc: number;
  /** CRC-32 of what follows them. */
  readonly restCrc: number;
}

/**
 * The file of known records: a line that says how long the head is, with the CRC-32 of the head and of the rest; the
 * head, which is a line of JSON with the parts and for each of them an array of briefs; and the rest, which is for each
 * of them an array of records. Who only shows a list reads no further than the head. A part is parsed when it is asked
 * for.
 */
export class RecordsList {
  readonly shelves: readonly KnownShelf[];

  private constructor(shelves: readonly KnownShelf[]) {
    this.shelves = shelves;
  }

  static empty(): RecordsList {
    return new RecordsList([]);
  }

  /** A list from its file; `undefined` for anything else. What another version has written is empty. */
  static parse(file: Buffer): RecordsList | undefined {
    if (isOther(file)) return RecordsList.empty();
    const end = file.indexOf(LINE_END) + 1;
    const layout = parseLayout(file.subarray(0, end));
    if (layout === undefined) return undefined;
    const rest = file.subarray(end + layout.head);
    const briefs = parseHead(layout, file.subarray(end, end + layout.head));
    if (briefs === undefined || crc32(rest) !== layout.restCrc) return undefined;
    let at = 0;
    const shelves = briefs.map(({ jsonLength, ...brief }): KnownShelf => {
      const json = rest.subarray(at, at + jsonLength);
      at += jsonLength;
      return { ...brief, json };
    });
    return new RecordsList(shelves);
  }

  /** How many bytes of a file follow its first line up to the end of the briefs; `undefined` for anything else. */
  static headLength(start: Buffer): number | undefined {
    return parseLayout(start.subarray(0, start.indexOf(LINE_END) + 1))?.head;
  }

  /** The briefs of a file from its beginning; `undefined` for anything else. */
  static parseBriefs(start: Buffer): readonly BriefShelf[] | undefined {
    const end = start.indexOf(LINE_END) + 1;
    const layout = parseLayout(start.subarray(0, end));
    return layout && parseHead(layout, start.subarray(end, end + layout.head));
  }

  /** The file's bytes, in pieces. */
  static format(shelves: readonly KnownShelf[]): Buffer[] {
    const parts = shelves.map(
      ({ shelf, seenMs, brief, json }): Part => [shelf, seenMs, brief.length, json.length],
    );
    const head = [Buffer.from(`${JSON.stringify(parts)}\n`), ...shelves.map(({ brief }) => brief)];
    const rest = shelves.map(({ json }) => json);
    const length = head.reduce((sum, piece) => sum + piece.length, 0);
    return [Buffer.from(`${SCHEMA} ${length} ${crcOf(head)} ${crcOf(rest)}\n`), ...head, ...rest];
  }
}

/** A shelf from its records. */
export function knownShelf(
  shelf: number,
  seenMs: number,
  records: readonly PackRecord[],
): KnownShelf {
  const json = Buffer.from(JSON.stringify(records));
  return { shelf, seenMs, json, brief: Buffer.from(JSON.stringify(records.map(briefOf))) };
}

/** What a list shows of a record. */
export function briefOf(record: PackRecord): PackBrief {
  const { uri, kind, files, bytes, name, partial, pinned, usedAt } = record;
  return {
    ...{ uri, files, bytes, partial, pinned, usedAt },
    ...(kind !== undefined && { kind }),
    ...(name !== undefined && { name }),
  };
}

function isOther(file: Buffer): boolean {
  const start = file.toString("latin1", 0, SCHEMA.length + 8);
  const version = /^ctxpack\.known-records\/v(\d+) /.exec(start)?.[1];
  return version !== undefined && !SCHEMA.endsWith(`/v${version}`);
}

function parseLayout(line: Buffer): Layout | undefined {
  const text = line.toString("latin1", 0, FIRST_LINE);
  const match = /^(.*) (\d{1,15}) (\d{1,10}) (\d{1,10})\n$/.exec(text);
  if (match?.[1] !== SCHEMA) return undefined;
  const [head, headCrc, restCrc] = match.slice(2).map(Number) as [number, number, number];
  return { head, headCrc, restCrc };
}

function parseHead(
  { head, headCrc }: Layout,
  bytes: Buffer,
): (BriefShelf & { readonly jsonLength: number })[] | undefined {
  if (bytes.length !== head || crc32(bytes) !== headCrc) return undefined;
  // From here on it is what we wrote.
  let at = bytes.indexOf(LINE_END) + 1;
  const parts = JSON.parse(bytes.toString("latin1", 0, at)) as readonly Part[];
  return parts.map(([shelf, seenMs, briefLength, jsonLength]) => {
    const brief = bytes.subarray(at, at + briefLength);
    at += briefLength;
    return { shelf, seenMs, brief, jsonLength };
  });
}

function crcOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => crc32(piece, sum), 0);
}
