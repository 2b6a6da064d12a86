import { closeSync, lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type CtxUri, type Digest, sha256 } from "@ctxpack/identity";
import { parsePackManifest } from "../../pack/index.ts";
import { openOwn, readFully } from "../blobs.ts";
import { unlessMissing, unlessRefused } from "../disk.ts";
import { readMarker } from "../marker.ts";
import type { Parts } from "../parts.ts";
import type { PackRecord } from "../record.ts";
import { type CountedLog, discardedOf, logsOf, resultsOf } from "./beside.ts";
import { type CountedFile, fileAt, leftoverAt, namesIn, privateNamesIn, shelved } from "./files.ts";

/** The event loop gets a turn at least this often, in milliseconds. */
const SLICE_MS = 10;

/** A pack and what of the store it holds. */
export interface CountedPack {
  readonly record: PackRecord;
  /** Its blobs that are here, with their sizes in bytes; absent when its manifest cannot be read. */
  readonly blobs: ReadonlyMap<Digest, number> | undefined;
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

/** A blob that is here. */
export interface CountedBlob extends CountedFile {
  readonly digest: Digest;
}

/** The lines of a `dirHash1`: of no pack, but what is known of a tree of inputs. */
const LISTING = /^[0-9a-f]{64} {2}[^\n]/;

/** Contents that trees share. */
export interface CountedContent extends CountedFile {
  /** Trees that have it; 0 also where blocks are shared and the file system does not say. */
  readonly links: number;
}

/** Everything a store holds. */
export interface Census {
  readonly packs: readonly CountedPack[];
  /** Packs of which nothing is known: the record is damaged, or is gone while a pin says that the pack has to be here. */
  readonly unknown: readonly CtxUri[];
  readonly blobs: ReadonlyMap<Digest, CountedBlob>;
  /** Blobs of no pack that are the lines of a `dirHash1`. */
  readonly listings: ReadonlySet<Digest>;
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
}

/** Counts what is in a store. Reads each pack's record and manifest, and looks at every blob. */
export async function takeCensus(parts: Parts, signal: AbortSignal | undefined): Promise<Census> {
  const rest = slices(signal);
  const blobs = new Map<Digest, CountedBlob>();
  for (const name of namesIn(parts.places.blobs)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const file = fileAt(join(parts.places.blobs, name));
    const digest: Digest = `sha256:${name}`;
    if (file !== undefined) blobs.set(digest, { ...file, digest });
    await rest();
  }
  const packs: CountedPack[] = [];
  const unknown = new Set<CtxUri>();
  for await (const record of parts.records.list(signal, (uri) => unknown.add(uri))) {
    packs.push({ record, blobs: blobsOf(parts, record, blobs) });
    await rest();
  }
  for (const uri of parts.records.pinnedOnly()) unknown.add(uri);
  const held = holders(packs);
  const listings = new Set<Digest>();
  for (const { digest, path } of blobs.values()) {
    if (!held.has(digest) && isListing(path)) listings.add(digest);
    await rest();
  }
  const trees: CountedTree[] = [];
  for (const path of shelved(parts.places.trees)) {
    const tree = unlessRefused(() => treeAt(path));
    if (tree !== undefined) trees.push(tree);
    await rest();
  }
  const contents: CountedContent[] = [];
  for (const path of shelved(parts.places.shared)) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    contents.push({ path, bytes: stat.size, usedMs: stat.ctimeMs, links: stat.nlink - 1 });
    await rest();
  }
  const leftovers = [parts.places.quarantine, parts.places.unfinished].flatMap((dir) =>
    privateNamesIn(dir).flatMap((name) => leftoverAt(join(dir, name)) ?? []),
  );
  const discarded = [...discardedOf(parts.places)];
  const logs = [...logsOf(parts.places)];
  const results: CountedFile[] = [];
  for (const result of resultsOf(parts.places)) {
    results.push(result);
    await rest();
  }
  return {
    packs,
    unknown: [...unknown],
    blobs,
    listings,
    trees,
    contents,
    leftovers,
    discarded,
    logs,
    results,
  };
}

/** Bytes that everything takes together. */
export function sizeOf(census: Census): number {
  const { blobs, trees, contents, leftovers, discarded, logs, results } = census;
  const groups = [blobs.values(), trees, contents, leftovers, discarded, logs, results];
  let sum = 0;
  for (const group of groups) for (const { bytes } of group) sum += bytes;
  return sum;
}

function blobsOf(
  parts: Parts,
  record: PackRecord,
  here: ReadonlyMap<Digest, CountedBlob>,
): ReadonlyMap<Digest, number> | undefined {
  const found = new Map<Digest, number>();
  try {
    const bytes = parts.blobs.readWhole(record.manifest);
    if (sha256(bytes) !== record.manifest.digest) return undefined;
    const manifest = parsePackManifest(bytes);
    const all = [record.manifest, manifest.config, manifest.index, ...manifest.segments];
    for (const { digest } of all) {
      const blob = here.get(digest);
      if (blob !== undefined) found.set(digest, blob.bytes);
    }
    return found;
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

function slices(signal: AbortSignal | undefined): () => Promise<void> {
  let ends = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < ends) return;
    await turn();
    signal?.throwIfAborted();
    ends = performance.now() + SLICE_MS;
  };
}

/** Of each blob, how many packs hold it. */
export function holders(packs: readonly CountedPack[]): Map<Digest, number> {
  const counts = new Map<Digest, number>();
  for (const { blobs } of packs) {
    for (const digest of blobs?.keys() ?? []) counts.set(digest, (counts.get(digest) ?? 0) + 1);
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
export function storedSizes(census: Pick<Census, "packs">, options: SizesOptions): StoredSize[] {
  const { by = ({ uri }) => uri } = options;
  const groups = new Map<string, CountedPack[]>();
  for (const pack of census.packs) {
    const key = by(pack.record);
    groups.set(key, [...(groups.get(key) ?? []), pack]);
  }
  const counts = holders(census.packs);
  return [...groups].map(([key, packs]) => {
    const within = holders(packs);
    const bytes = new Map(packs.flatMap(({ blobs }) => [...(blobs ?? [])]));
    let stored = 0;
    let own = 0;
    for (const [digest, size] of bytes) {
      stored += size;
      if (counts.get(digest) === within.get(digest)) own += size;
    }
    return { key, packs: packs.map(({ record }) => record), stored, own };
  });
}
