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
  const isRunnable = member.kind === "file" && member.exec;
  const blank = isRunnable ? BLANKS.runnable : BLANKS[member.kind];
  if (records === "") return writeUstar(into, at, blank, member, member.size);
  const length = Buffer.byteLength(records);
  let end = writeUstar(into, at, BLANKS.pax, PAX, length);
  into.write(records, end);
  into.fill(0, end + length, end + roundToBlock(length));
  end += roundToBlock(length);
  return writeUstar(into, end, blank, member, member.size < OCTAL_SIZE_END ? member.size : 0);
}

const PAX = { path: "pax", target: "" };

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

/** Where the octal digits of size and checksum begin, and how many there are. */
const SIZE_AT = 124;
const SIZE_DIGITS = 11;
const CHECKSUM_AT = 148;
const CHECKSUM_DIGITS = 6;

/** Everything of a header but names, size and checksum; and the sum of its bytes, so that few are added for a member. */
interface Blank {
  readonly block: Buffer;
  readonly sum: number;
}

const BLANKS = {
  file: blank("0", false),
  runnable: blank("0", true),
  link: blank("2", false),
  directory: blank("5", true),
  pax: blank("x", false),
} as const;

/** `type` is the typeflag. */
function blank(type: string, isRunnable: boolean): Blank {
  const block = Buffer.alloc(BLOCK);
  block.write(isRunnable ? "0000755" : "0000644", 100, "latin1");
  block.write(type, 156, "latin1");
  for (const at of [108, 116, 329, 337]) block.write("0000000", at, "latin1");
  block.write("00000000000", 136, "latin1");
  block.write("        ", CHECKSUM_AT, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  return { block, sum: sumOf(block, 0, BLOCK) };
}

function sumOf(bytes: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += bytes[i] as number;
  return sum;
}

function writeUstar(
  into: Buffer,
  at: number,
  { block, sum }: Blank,
  { path, target }: Pick<TarMember, "path" | "target">,
  size: number,
): number {
  block.copy(into, at);
  const rest =
    writeName(into, at, path) +
    writeName(into, at + 157, target) +
    writeOctal(into, at + SIZE_AT, SIZE_DIGITS, size);
  writeOctal(into, at + CHECKSUM_AT, CHECKSUM_DIGITS, sum + rest);
  into[at + CHECKSUM_AT + CHECKSUM_DIGITS] = 0;
  return at + BLOCK;
}

/** Writes `digits` octal digits; returns the sum of their bytes. */
function writeOctal(into: Buffer, at: number, digits: number, value: number): number {
  let sum = 0;
  let left = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const digit = 0x30 + (left % 8);
    into[i] = digit;
    sum += digit;
    left = Math.floor(left / 8);
  }
  return sum;
}

/**
 * The first 100 bytes of a name; a longer one stands in the pax header, so a code point may be cut. Returns the sum of
 * its bytes.
 */
function writeName(into: Buffer, at: number, name: string): number {
  if (name === "") return 0;
  const length = fitsField(name)
    ? into.write(name, at, "latin1")
    : Buffer.from(name).copy(into, at, 0, NAME_FIELD);
  return sumOf(into, at, at + length);
}
