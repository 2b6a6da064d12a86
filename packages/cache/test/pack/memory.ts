import { createHash } from "node:crypto";
import {
  type ContentReader,
  compressFrame,
  type Entry,
  type FileEntry,
  IndexReader,
  isFileEntry,
  isLinkEntry,
  Listing,
  type PackSummary,
  packSteps,
  readSegment,
  Unpacker,
} from "@ctxpack/cache/pack";

/** An entry of a tree that is held in memory. */
export type Item =
  | { path: string; content: Uint8Array; exec?: boolean; key?: string }
  | { path: string; link: string }
  | { path: string; dir: true };

export interface MemoryPack {
  listing: Listing;
  summary: PackSummary;
  raws: Buffer[];
  restarts: number;
}

export function listingOf(items: readonly Item[]): Listing {
  const listing = new Listing();
  for (const item of items) {
    if ("link" in item) listing.addLink(item.path, item.link);
    else if ("dir" in item) listing.addDirectory(item.path);
    else {
      const { exec, key } = item;
      listing.addFile(item.path, item.content.length, {
        ...(exec !== undefined && { exec }),
        ...(key !== undefined && { key }),
      });
    }
  }
  listing.seal();
  return listing;
}

/** Reads from memory, in pieces of at most `most` bytes, and counts what was closed. */
export function memoryReader(
  items: readonly Item[],
  listing: Listing,
  most: number = Number.POSITIVE_INFINITY,
): ContentReader & { closed: number } {
  const contents = new Map(items.map((i) => [i.path, "content" in i ? i.content : undefined]));
  return {
    closed: 0,
    read(row, into, position) {
      const content = contents.get(listing.path(row)) as Uint8Array;
      const count = Math.max(0, Math.min(into.length, content.length - position, most));
      into.set(content.subarray(position, position + count));
      return count;
    },
    close() {
      this.closed++;
    },
  };
}

export function packItems(items: readonly Item[], profile?: "fine", most?: number): MemoryPack {
  const listing = listingOf(items);
  const steps = packSteps(listing, memoryReader(items, listing, most), profile && { profile });
  const raws: Buffer[] = [];
  let restarts = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) return { listing, summary: step.value, raws, restarts };
    if (step.value.kind === "segment") {
      if (step.value.index !== raws.length) throw new Error("segments out of order");
      raws.push(Buffer.from(step.value.bytes));
    } else if (step.value.kind === "restart") {
      restarts++;
      raws.length = 0;
    }
  }
}

/** Opens the index of a pack through its frame, as a pull does. */
export function openIndex(pack: MemoryPack): IndexReader {
  return IndexReader.fromFrame(compressFrame(pack.summary.indexBytes()));
}

/** Unpacks into items; `rows` says which segments are fed. */
export function unpackItems(
  index: IndexReader,
  raws: readonly Uint8Array[],
  o: { select?: (path: string) => boolean; rows?: readonly number[] } = {},
): Item[] {
  const items: Item[] = [];
  let open: Uint8Array[] | undefined;
  const push = ({ path, exec, key }: FileEntry, content: Buffer): void =>
    void items.push({ path, content, ...(exec && { exec }), ...(key !== undefined && { key }) });
  const unpacker = new Unpacker(
    index,
    {
      directory: (path) => void items.push({ path, dir: true }),
      link: (path, link) => void items.push({ path, link }),
      file: () => {
        if (open !== undefined) throw new Error("two files open");
        open = [];
      },
      write: (bytes) => void (open as Uint8Array[]).push(Buffer.from(bytes)),
      fileEnd: (entry) => {
        push(entry, Buffer.concat(open as Uint8Array[]));
        open = undefined;
      },
    },
    o.select && { select: o.select },
  );
  const whole = (entry: FileEntry, content: Uint8Array) => push(entry, Buffer.from(content));
  for (const row of o.rows ?? raws.keys()) {
    const options = { whole, ...(o.select && { select: o.select }) };
    const slices = readSegment(index.segmentRows(row), raws[row] as Uint8Array, options);
    for (const slice of slices) unpacker.part(row, slice);
    unpacker.segmentEnd(row);
  }
  unpacker.end();
  return items;
}

/** Items with digests in place of contents, in the order of their paths' bytes: quick to compare. */
export function digestItems(items: readonly Item[]): unknown[] {
  return items
    .map((item) => ("content" in item ? { ...item, content: sha(item.content) } : item))
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

export function sha(bytes: Uint8Array | string): `sha256:${string}` {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Incompressible bytes that are the same in every run. */
export function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    parts.push(createHash("sha256").update(seed).update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, size);
}

/** A tree digest from entries, by its definition. */
function treeOf(entries: readonly Entry[]): string {
  const bare = entries.map((entry) => {
    if (!isFileEntry(entry)) return entry;
    const { offset: _, key: __, ...rest } = entry as FileEntry;
    return rest;
  });
  return sha(canonical(bare));
}

/** Canonical JSON for values whose keys are ASCII. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Record<string, unknown>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
}

/** An index as bytes, from entries that may break any rule: offsets and tree are computed to fit. */
export function forgeIndex(entries: readonly Entry[], o: Record<string, unknown> = {}): Buffer {
  let at = 0;
  const placed = entries.map((entry) => {
    const link = isLinkEntry(entry) ? entry.link : "";
    const size = isFileEntry(entry) ? entry.size : 0;
    const records = record("path", entry.path) + record("linkpath", link);
    const big = size >= 2 ** 33 ? 20 + String(size).length - 10 : 0;
    const pax = Buffer.byteLength(records) + (big && `${big} size=${size}\n`.length);
    at += 512 + (pax > 0 ? 512 + Math.ceil(pax / 512) * 512 : 0);
    const result = isFileEntry(entry) ? { ...entry, offset: at } : entry;
    at += Math.ceil(size / 512) * 512;
    return result;
  });
  const tarSize = at + 1024;
  const segments = [];
  for (let offset = 0; offset < tarSize; offset += 2 ** 27) {
    const size = Math.min(2 ** 27, tarSize - offset);
    segments.push({ digest: `sha256:${"0".repeat(64)}`, offset, size });
  }
  const index = {
    entries: placed,
    schema: "ctxpack.index/v1",
    segments,
    tree: treeOf(placed),
    ...o,
  };
  return Buffer.from(canonical(index));
}

function record(key: string, value: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes <= 100 && bytes === value.length) return "";
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length) {
    length = String(length).length + Buffer.byteLength(rest);
  }
  return `${length}${rest}`;
}

/** A file entry for forged indexes. */
export function fileEntry(path: string, o: Partial<FileEntry> = {}): FileEntry {
  return { digest: sha(""), offset: 0, path, size: 0, ...o };
}
