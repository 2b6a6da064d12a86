import type { FileHandle } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";

/** Where the content of a file lies in a tar, in bytes. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** Far more than an image layout has; a list this long is an attack on memory. */
const MAX_MEMBERS = 1 << 20;
const MAX_PAX = 64 << 10;

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/**
 * Lists the files in a tar without reading their contents. Only files and folders under clean
 * relative names are allowed, each name once: whoever else reads the archive (and might unpack it)
 * then sees what we saw. Throws CTXPACK_E_LAYOUT, CTXPACK_E_UNSUPPORTED for a compressed archive.
 */
export async function listMembers(
  handle: FileHandle,
  archive: {
    readonly path: string;
    readonly size: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Map<string, Member>> {
  const { path, size } = archive;
  const members = new Map<string, Member>();
  const seen = new Set<string>();
  let pax: Map<string, string> | undefined;
  for (let at = 0; ; ) {
    archive.signal?.throwIfAborted();
    const block = await readAt(handle, at, BLOCK, path);
    const header = parseHeader(block, at, path);
    if (header === undefined) break;
    const length = paxSize(pax) ?? header.size;
    const name = pax?.get("path") ?? header.name;
    const content = at + BLOCK;
    if (!Number.isSafeInteger(length) || length < 0 || content + length > size) {
      throw refuse(path, at, `${JSON.stringify(name)} does not end inside the archive`);
    }
    at = content + Math.ceil(length / BLOCK) * BLOCK;
    if (header.type === "x" || header.type === "g") {
      if (length > MAX_PAX) throw refuse(path, at, "a pax header is too long");
      const records = parsePax(await readAt(handle, content, length, path), at, path);
      if (header.type === "x") pax = records;
      // git writes a comment there; what would hold for all members is not applied but refused.
      else if (records.has("path") || records.has("size")) {
        throw refuse(path, at, "a global pax header names or sizes members");
      }
      continue;
    }
    pax = undefined;
    addMember({ members, seen }, { name, type: header.type, offset: content, size: length }, path);
  }
  return members;
}

/** NaN for what is no decimal number: readers differ on `0x10`. */
function paxSize(pax: ReadonlyMap<string, string> | undefined): number | undefined {
  const text = pax?.get("size");
  if (text === undefined) return undefined;
  return /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
}

function addMember(
  found: { readonly members: Map<string, Member>; readonly seen: Set<string> },
  member: Member & { readonly name: string; readonly type: string },
  path: string,
): void {
  const { offset, size } = member;
  const folder = member.type === "5";
  const name = cleanName(member.name, folder);
  if (name === undefined) {
    throw refuse(path, offset, `${JSON.stringify(member.name)} is no clean relative name`);
  }
  if (!folder && member.type !== "0" && member.type !== "\0") {
    throw refuse(path, offset, `${JSON.stringify(name)} is neither a file nor a folder`);
  }
  if (found.seen.has(name)) throw refuse(path, offset, `${JSON.stringify(name)} is there twice`);
  if (found.seen.size >= MAX_MEMBERS) throw refuse(path, offset, "it has too many members");
  found.seen.add(name);
  if (!folder) found.members.set(name, { offset, size });
}

/** `./a/b` and `a/b/` (a folder) are common spellings of `a/b`; nothing else is forgiven. */
function cleanName(name: string, folder: boolean): string | undefined {
  let clean = name.startsWith("./") ? name.slice(2) : name;
  if (folder && clean.endsWith("/")) clean = clean.slice(0, -1);
  if (folder && (clean === "" || clean === ".")) return ".";
  const bad = clean.split("/").some((part) => part === "" || part === "." || part === "..");
  return bad || clean.includes("\\") || clean.includes("\0") ? undefined : clean;
}

/** Reads one ustar or GNU header; `undefined` for the end mark. */
function parseHeader(block: Buffer, at: number, path: string): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (at === 0) refuseCompressed(block, path);
  let sum = 8 * 32;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] as number;
  const magic = block.toString("latin1", 257, 262);
  if (magic !== "ustar" || parseNumber(block.subarray(148, 156)) !== sum) {
    throw refuse(path, at, "there is no tar header");
  }
  // GNU's own format keeps other things where POSIX has the prefix.
  const posix = block[262] === 0;
  const prefix = posix ? parseString(block.subarray(345, 500)) : "";
  const name = parseString(block.subarray(0, 100));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: parseNumber(block.subarray(124, 136)),
    type: String.fromCharCode(block[156] as number),
  };
}

function parseString(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

/** Octal digits, or GNU's binary form for large sizes; NaN for anything else. */
function parseNumber(field: Buffer): number {
  if (field[0] === 0x80) return Number(BigInt(`0x${field.toString("hex", 1)}`));
  const text = parseString(field).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** The records of a pax header: `<length> <key>=<value>\n`, the length counting itself. */
function parsePax(bytes: Buffer, at: number, path: string): Map<string, string> {
  const records = new Map<string, string>();
  for (let i = 0; i < bytes.length; ) {
    const space = bytes.indexOf(0x20, i);
    const text = bytes.toString("latin1", i, space);
    const length = /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : 0;
    const end = i + length;
    const record = bytes.toString("utf8", space + 1, end - 1);
    const equals = record.indexOf("=");
    if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 1) {
      throw refuse(path, at, "a pax header is damaged");
    }
    const key = record.slice(0, equals);
    if (key.startsWith("GNU.sparse")) throw refuse(path, at, "it has a sparse file");
    records.set(key, record.slice(equals + 1));
    i = end;
  }
  return records;
}

/** Reads exactly `length` bytes at `at`; throws CTXPACK_E_LAYOUT when the file ends before. */
export async function readAt(
  handle: FileHandle,
  at: number,
  length: number,
  path: string,
): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await handle.read(bytes, have, length - have, at + have);
    if (bytesRead === 0) throw refuse(path, at, "it ends without an end mark");
    have += bytesRead;
  }
  return bytes;
}

function refuseCompressed(block: Buffer, path: string): void {
  const start = block.toString("hex", 0, 4);
  const format = start.startsWith("1f8b") ? "gzip" : start === "28b52ffd" ? "zstd" : undefined;
  if (format === undefined) return;
  throw new CtxPackError("CTXPACK_E_UNSUPPORTED", `${path} is compressed with ${format}`, {
    hint: `decompress it first: ${format} -d`,
    details: { path },
  });
}

function refuse(path: string, at: number, why: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_LAYOUT", `archive ${path}, byte ${at}: ${why}`, {
    details: { path, offset: at },
  });
}
