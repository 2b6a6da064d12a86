import { inflateRawSync, zstdDecompressSync } from "node:zlib";

/** A file in a zip archive. */
export interface ZipEntry {
  readonly name: string;
  /**
   * Its bytes.
   *
   * @throws Error when they are more than `maxBytes`, or damaged.
   */
  read(maxBytes: number): Uint8Array;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** Of the end record with the longest comment. */
const MAX_END = 22 + 65_535;
const MAX_ENTRIES = 100_000;

/**
 * The files of a zip archive (APPNOTE 6.3.10, without zip64 and encryption), stored, deflated or compressed by zstd.
 *
 * @throws Error when it is none.
 */
export function readZip(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count > MAX_ENTRIES) throw new Error(`more than ${MAX_ENTRIES} files`);
  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) {
      throw new Error("its directory is damaged");
    }
    entries.push(entryAt(bytes, view, at));
    at +=
      46 +
      view.getUint16(at + 28, true) +
      view.getUint16(at + 30, true) +
      view.getUint16(at + 32, true);
  }
  return entries;
}

function findEnd(view: DataView): number {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, view.byteLength - MAX_END); at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw new Error("no zip archive, or not all of one");
}

function entryAt(bytes: Uint8Array, view: DataView, at: number): ZipEntry {
  const method = view.getUint16(at + 10, true);
  const packed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  const nameLength = view.getUint16(at + 28, true);
  const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
  return {
    name,
    read(maxBytes) {
      if (size > maxBytes) throw new Error(`${name}: ${size} bytes; the limit is ${maxBytes}`);
      if (local + 30 > bytes.length || view.getUint32(local, true) !== LOCAL) {
        throw new Error(`${name}: no such file`);
      }
      const start =
        local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const data = bytes.subarray(start, start + packed);
      const out = unpack(data, method, Math.max(size, 1));
      if (out.length !== size) throw new Error(`${name}: ${out.length} bytes instead of ${size}`);
      return out;
    },
  };
}

/** Never more than the directory says: a few bytes may claim to be gigabytes. */
function unpack(data: Uint8Array, method: number, maxOutputLength: number): Uint8Array {
  if (method === 0) return data;
  if (method === 8) return inflateRawSync(data, { maxOutputLength });
  if (method === 93) return zstdDecompressSync(data, { maxOutputLength });
  throw new Error(`compression method ${method} is not known`);
}
