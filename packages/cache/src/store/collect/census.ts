import { closeSync, lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError, type CtxUri, type Digest, sha256 } from "@ctxpack/identity";
import { parsePackManifest } from "../../pack/index.ts";
import { openOwn, readFully } from "../blobs.ts";
import { unlessMissing, unlessRefused } from "../disk.ts";
import { readMarker } from "../marker.ts";
import type { Parts } from "../parts.ts";
import type { PackRecord } from "../record.ts";
import { slices } from "../slices.ts";
import { type CountedLog, discardedOf, logsOf, putAsideOf, resultsOf } from "./beside.ts";
import { BlobTable } from "./blob-table.ts";
import { type CountedFile, eachNameIn, fileAt, shelved } from "./files.ts";

/** A pack and what of the store it holds. */
export interface CountedPack {
  readonly record: PackRecord;
  /** The numbers of its blobs that are here, each once; absent when its manifest cannot be read. */
  readonly blobs: Uint32Array | undefined;
}

/** A materialised tree, or a part of one. */
export interface CountedTree {
  /** The folder around it. */
  readonly path: string;
  readonly tree: Digest;
  /** When it was handed out last, Unix time in ms. */
  readonly usedMs: number;
  /** Of files that it shares with no other tree, in bytes of disk; an estimate. */
  readonly bytes: number;
  /** Sizes of its files that are counted with the contents, in bytes. */
  readonly shared: number;
}

/** The lines of a `dirHash1`: of no pack, but what is known of a tree of inputs. */
const LISTING = /^[0-9a-f]{64} {2}[^\n]/;

/** Contents that trees share. */
export interface CountedContent extends CountedFile {
  /** Trees that have it; 0 also where blocks are shared: the file system does not say, `countHolders` does. */
  readonly links: number;
}

/** Everything a store holds. */
export interface Census {
  readonly packs: readonly CountedPack[];
  /** Packs of which nothing is known: the record is damaged, or is gone while a pin says that the pack has to be here. */
  readonly unknown: readonly CtxUri[];
  readonly blobs: BlobTable;
  /** The numbers of blobs of no pack that are the lines of a `dirHash1`. */
  readonly listings: ReadonlySet<number>;
  readonly trees: readonly CountedTree[];
  readonly contents: readonly CountedContent[];
  /** What was put aside because it was damaged, and beginnings of blobs. */
  readonly leftovers: readonly CountedFile[];
  /** What was moved out of the way, and claims of processes that are gone. */
  readonly discarded: readonly CountedFile[];
  /** What commands printed, and what became of running them again. */
  readonly logs: readonly CountedLog[];
  /** Results of items whose map has no pack yet. */
  readonly results: readonly CountedFile[];
  /** Of the store's database, in bytes. */
  readonly database: number;
}

/** Counts what is in a store. Reads each pack's record and manifest, and looks at every blob. */
export async function takeCensus(parts: Parts, signal: AbortSignal | undefined): Promise<Census> {
  const { places } = parts;
  const rest = slices(signal);
  const blobs = new BlobTable();
  for (const name of eachNameIn(places.blobs)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const file = fileAt(join(places.blobs, name));
    if (file !== undefined) blobs.add(`sha256:${name}`, file.bytes, file.usedMs);
    await rest();
  }
  const packs: CountedPack[] = [];
  const unknown = new Set<CtxUri>();
  for await (const record of parts.records.list(signal, (uri) => unknown.add(uri))) {
    packs.push({ record, blobs: blobsOf(parts, record, blobs) });
    await rest();
  }
  for (const uri of parts.records.pinnedOnly()) unknown.add(uri);
  const held = holders(packs, blobs);
  const listings = new Set<number>();
  for (let id = 0; id < blobs.count; id++) {
    if (held[id] === 0 && isListing(places.blob(blobs.digest(id)))) listings.add(id);
    await rest();
  }
  const trees: CountedTree[] = [];
  for (const path of shelved(places.trees)) {
    const tree = unlessRefused(() => treeAt(path));
    if (tree !== undefined) trees.push(tree);
    await rest();
  }
  const contents: CountedContent[] = [];
  for (const path of shelved(places.shared)) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    contents.push({ path, bytes: stat.size, usedMs: stat.ctimeMs, links: stat.nlink - 1 });
    await rest();
  }
  const leftovers = await listed(putAsideOf(places, rest));
  const discarded = await listed(discardedOf(places, rest));
  const logs = await listed(logsOf(places, rest));
  const results: CountedFile[] = [];
  for (const result of resultsOf(places)) {
    results.push(result);
    await rest();
  }
  const database = databaseSize(parts);
  const loose = { leftovers, discarded, logs, results };
  return { packs, unknown: [...unknown], blobs, listings, trees, contents, ...loose, database };
}

async function listed<T>(things: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const thing of things) list.push(thing);
  return list;
}

/** What the store's database takes, in bytes. */
export function databaseSize({ places }: Parts): number {
  return fileAt(places.database)?.bytes ?? 0;
}

/** Bytes that everything takes together. */
export function sizeOf(census: Census): number {
  const { blobs, trees, contents, leftovers, discarded, logs, results } = census;
  const groups = [trees, contents, leftovers, discarded, logs, results];
  let sum = blobs.bytes + census.database;
  for (const group of groups) for (const { bytes } of group) sum += bytes;
  return sum;
}

function blobsOf(parts: Parts, record: PackRecord, here: BlobTable): Uint32Array | undefined {
  // A pack may have the same segment many times.
  const found = new Set<number>();
  try {
    const bytes = parts.blobs.readWhole(record.manifest);
    if (sha256(bytes) !== record.manifest.digest) return undefined;
    const manifest = parsePackManifest(bytes);
    const all = [record.manifest, manifest.config, manifest.index, ...manifest.segments];
    for (const { digest } of all) {
      const id = here.find(digest);
      if (id !== undefined) found.add(id);
    }
    return Uint32Array.from(found);
  } catch (error) {
    // Damage is for `fsck` to name; until then nothing is known of what belongs to this pack.
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}

function isListing(path: string): boolean {
  return unlessRefused(() => unlessMissing(() => LISTING.test(beginningOf(path, 67)))) ?? false;
}

function beginningOf(path: string, length: number): string {
  const fd = openOwn(path);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString("latin1", 0, readFully(fd, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

function treeAt(path: string): CountedTree | undefined {
  const hex = /([0-9a-f]{64})(?:-[0-9a-f]+)?$/.exec(path)?.[1];
  if (hex === undefined) return undefined;
  const made = unlessMissing(() => statSync(join(path, "made.json")).mtimeMs);
  const usedMs = made ?? unlessMissing(() => statSync(path).mtimeMs);
  if (usedMs === undefined) return undefined;
  const { own = 0, shared = 0 } = readMarker(path) ?? {};
  return { path, tree: `sha256:${hex}`, usedMs, bytes: own, shared };
}

/** Of each blob, how many packs hold it. */
export function holders(packs: readonly CountedPack[], blobs: BlobTable): Uint32Array {
  const counts = new Uint32Array(blobs.count);
  for (const pack of packs) {
    for (const id of pack.blobs ?? []) counts[id] = (counts[id] as number) + 1;
  }
  return counts;
}

/** How packs are put together to be measured. */
export interface SizesOptions {
  /** Packs with the same key are one; each is its own without it. */
  readonly by?: ((record: PackRecord) => string) | undefined;
}

/** What packs take in the store, compressed. */
export interface StoredSize {
  readonly key: string;
  readonly packs: readonly PackRecord[];
  /** Bytes of their blobs, each counted once. */
  readonly stored: number;
  /** Bytes of blobs that no other pack holds: what their removal would free. */
  readonly own: number;
}

/** What packs take; one whose manifest cannot be read takes nothing that is known. */
export function storedSizes(
  { packs, blobs }: Pick<Census, "packs" | "blobs">,
  options: SizesOptions,
): StoredSize[] {
  const { by = ({ uri }) => uri } = options;
  const groups = Map.groupBy(packs, ({ record }) => by(record));
  const counts = holders(packs, blobs);
  /** How many packs of the group at hand hold a blob. */
  const within = new Uint32Array(blobs.count);
  return [...groups].map(([key, members]) => {
    let stored = 0;
    let own = 0;
    const each = (look: (id: number) => void): void => {
      for (const member of members) member.blobs?.forEach(look);
    };
    each((id) => {
      within[id] = (within[id] as number) + 1;
      if (within[id] === 1) stored += blobs.bytesOf(id);
      if (within[id] === counts[id]) own += blobs.bytesOf(id);
    });
    each((id) => {
      within[id] = 0;
    });
    return { key, packs: members.map(({ record }) => record), stored, own };
  });
}
