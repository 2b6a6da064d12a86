import type { Cursor } from "./cursor.ts";
import type { Entry, EntryKind } from "./entry.ts";
import type { TarMember } from "./tar.ts";

/** Where the parts of an entry lie that the tree digest leaves out: from `head` to `tail`. */
export interface EntrySpan {
  head: number;
  tail: number;
}

/** What kind of entry begins at the cursor; only its first bytes are looked at. */
export function kindAt(cursor: Cursor): EntryKind {
  const { bytes, at } = cursor;
  if (bytes[at + 2] === 0x6c) return "link";
  return bytes[at + 4] === 0x72 ? "directory" : "file";
}

/** Reads the entry at the cursor, exactly as the canonical index writes it. */
export function readEntry(cursor: Cursor): Entry {
  const kind = kindAt(cursor);
  if (kind === "file") return readFileEntry(cursor);
  if (kind === "link") {
    cursor.expect('{"link":');
    const link = cursor.string();
    cursor.expect(',"path":');
    return { link, path: readLast(cursor, cursor.string()) };
  }
  cursor.expect('{"dir":true,"path":');
  return { dir: true, path: readLast(cursor, cursor.string()) };
}

/** Reads a file's entry as far as the tar is a function of it; its digest is only looked at. */
export function readFileMember(cursor: Cursor, span: EntrySpan): TarMember & { offset: number } {
  cursor.expect('{"digest":');
  cursor.skipDigest();
  const { exec, offset, path, size } = readAfterDigest(cursor, span);
  return { kind: "file", path, target: "", exec, size, offset };
}

/** The path of the entry at the cursor, in an index that has been read before. */
export function readPath(cursor: Cursor): string {
  if (kindAt(cursor) !== "file") return readEntry(cursor).path;
  readOffset(cursor);
  cursor.expect(',"path":');
  return cursor.string();
}

/** Where the content of the file at the cursor lies in the tar, in an index that has been read before. */
export function readExtent(cursor: Cursor): { offset: number; size: number } {
  const offset = readOffset(cursor);
  cursor.expect(',"path":');
  cursor.skipString();
  cursor.expect(',"size":');
  return { offset, size: cursor.integer() };
}

function readOffset(cursor: Cursor): number {
  cursor.at += DIGEST_MEMBER;
  cursor.take(',"exec":true');
  if (cursor.take(',"key":"')) cursor.at += 65;
  cursor.expect(',"offset":');
  return cursor.integer();
}

/** Length of `{"digest":"sha256:<64 hex>"`. */
const DIGEST_MEMBER: number = '{"digest":"sha256:"'.length + 64;

function readFileEntry(cursor: Cursor): Entry {
  cursor.expect('{"digest":');
  const digest = cursor.digest();
  const { exec, key, offset, path, size } = readAfterDigest(cursor);
  return {
    digest,
    ...(exec && { exec }),
    ...(key !== undefined && { key }),
    offset,
    path,
    size,
  };
}

/** What a file's entry says after its digest, and where the parts lie that the tree digest leaves out. */
function readAfterDigest(cursor: Cursor, span?: EntrySpan) {
  const exec = cursor.take(',"exec":true');
  const head = cursor.at;
  let key: string | undefined;
  if (cursor.take(',"key":"')) {
    key = cursor.hex();
    cursor.expect('"');
  }
  cursor.expect(',"offset":');
  const offset = cursor.integer();
  if (span !== undefined) {
    span.head = head;
    span.tail = cursor.at;
  }
  cursor.expect(',"path":');
  const path = cursor.string();
  cursor.expect(',"size":');
  const size = readLast(cursor, cursor.integer());
  return { exec, key, offset, path, size };
}

function readLast<T>(cursor: Cursor, value: T): T {
  cursor.expect("}");
  return value;
}
