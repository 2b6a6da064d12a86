import type { EntryKind } from "./entry.ts";
import { LIMITS } from "./limits.ts";

/** Tar is written in blocks of this many bytes. */
const BLOCK = 512;
/** Two zero blocks end a tar. */
export const TRAILER: number = 2 * BLOCK;
/** No header is longer: pax header, the longest records, ustar header. */
export const LONGEST_HEADER: number =
  2 * BLOCK + roundToBlock(LIMITS.path + LIMITS.linkTarget + 3 * 24);

/** The largest size that 11 octal digits hold, plus one. */
const OCTAL_SIZE_END = 2 ** 33;
const NAME_FIELD = 100;

/** What a header is a function of (DESIGN §5.1, "Header"). */
export interface TarMember {
  readonly kind: EntryKind;
  readonly path: string;
  /** A link's target; empty for others. */
  readonly target: string;
  readonly exec: boolean;
  /** Of the content in bytes; 0 for links and folders. */
  readonly size: number;
}

/** `size` and the zeros that follow it. */
export function roundToBlock(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** How many bytes `writeHeader` writes for this member. */
export function headerSize(member: TarMember): number {
  const records = paxRecords(member);
  return records === "" ? BLOCK : 2 * BLOCK + roundToBlock(Buffer.byteLength(records));
}

/**
 * Writes the header of one member at `at` and returns the position after it, where content begins.
 * `into` needs `LONGEST_HEADER` bytes of room; every byte of the header is set, whatever was there.
 */
export function writeHeader(into: Buffer, at: number, member: TarMember): number {
  const records = paxRecords(member);
  if (records === "") return writeUstar(into, at, member, member.size);
  const length = Buffer.byteLength(records);
  let end = writeUstar(into, at, { ...PAX, size: length }, length, "x");
  into.write(records, end);
  into.fill(0, end + length, end + roundToBlock(length));
  end += roundToBlock(length);
  return writeUstar(into, end, member, member.size < OCTAL_SIZE_END ? member.size : 0);
}

const PAX: TarMember = { kind: "file", path: "pax", target: "", exec: false, size: 0 };

/** The pax records a member needs, in the order path, linkpath, size; usually none. */
function paxRecords(member: TarMember): string {
  let records = "";
  if (!fitsField(member.path)) records += paxRecord("path", member.path);
  if (!fitsField(member.target)) records += paxRecord("linkpath", member.target);
  if (member.size >= OCTAL_SIZE_END) records += paxRecord("size", String(member.size));
  return records;
}

/** Whether a name is ASCII and at most 100 bytes, so that every tar reads it the same way. */
function fitsField(name: string): boolean {
  return name.length <= NAME_FIELD && Buffer.byteLength(name) === name.length;
}

/** `<length> <key>=<value>\n`, where the length counts its own digits (POSIX pax, "extended header"). */
function paxRecord(key: string, value: string): string {
  const rest = 1 + key.length + 1 + Buffer.byteLength(value) + 1;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

const TYPE = { file: "0", link: "2", directory: "5" } as const;

// Everything of a header that no member changes: owner, times, device numbers, magic.
const BLANK: Buffer = blankHeader();

function blankHeader(): Buffer {
  const block = Buffer.alloc(BLOCK);
  for (const at of [108, 116, 329, 337]) block.write("0000000", at, "latin1");
  block.write("00000000000", 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  return block;
}

function writeUstar(
  into: Buffer,
  at: number,
  member: TarMember,
  size: number,
  type: string = TYPE[member.kind],
): number {
  const block = into.subarray(at, at + BLOCK);
  BLANK.copy(block);
  writeName(block, 0, member.path);
  const runnable = member.exec || member.kind === "directory";
  block.write(runnable ? "0000755" : "0000644", 100, "latin1");
  block.write(size.toString(8).padStart(11, "0"), 124, "latin1");
  block.write(type, 156, "latin1");
  writeName(block, 157, member.target);
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += block[i] as number;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return at + BLOCK;
}

/** The first 100 bytes of a name; a longer one stands in the pax header, so a code point may be cut. */
function writeName(block: Buffer, at: number, name: string): void {
  if (fitsField(name)) {
    block.write(name, at, "latin1");
  } else {
    Buffer.from(name).copy(block, at, 0, NAME_FIELD);
  }
}
