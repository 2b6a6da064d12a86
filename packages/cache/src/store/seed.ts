import { realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import {
  CtxPackError,
  type CtxUri,
  type OnProgress,
  parseResolvedContract,
  sha256,
  uriDigest,
  uriOf,
} from "@ctxpack/identity";
import { type Descriptor, IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import {
  buildManifest,
  IndexReader,
  type PackBlob,
  type PackSummary,
  packSteps,
} from "../pack/index.ts";
import { differingPaths } from "./difference.ts";
import { onDisk, unlessMissing } from "./disk.ts";
import { type EarlierPack, earlierPack } from "./earlier.ts";
import { blobOf, Framer, type MadeFrame } from "./framer.ts";
import { expectBlobs, isComplete, openPack } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import type { Places } from "./places.ts";
import { FileReader } from "./reader.ts";
import type { PackRecord } from "./record.ts";
import { type Scan, scan } from "./scan.ts";
import { FileStates, isWorthSnapshot, Snapshot } from "./snapshot.ts";
import { helpersFor } from "./threads/helpers.ts";

/** How a folder becomes a pack. */
export interface SeedOptions {
  /** Ten times as many, smaller segments. */
  readonly profile?: "fine" | undefined;
  /** A label for people; no part of identity. */
  readonly name?: string | undefined;
  /** Absolute paths of where the output was made; no part of identity. */
  readonly outputs?: readonly string[] | undefined;
  /** Put this output in place of another one of the same contract. */
  readonly replace?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What seeding did. */
export interface SeedResult {
  readonly record: PackRecord;
  /** False when the store already held this output for this contract. */
  readonly created: boolean;
  readonly segments: { readonly total: number; readonly new: number };
  /** `raw`: length of the tar; `stored`: bytes of blobs that were written, compressed. */
  readonly bytes: { readonly raw: number; readonly stored: number };
  /** One sentence each, for a person: names that some file systems fold together. */
  readonly warnings: readonly string[];
}

/** A pack whose blobs are all stored, and which nobody can see yet. */
interface Packed {
  readonly summary: PackSummary;
  readonly index: Uint8Array;
  readonly manifest: Descriptor;
  readonly config: PackBlob;
  /** The segments in order, then the index. */
  readonly frames: readonly MadeFrame[];
}

/** `Store.seed`. */
export async function seed(
  parts: Parts,
  dir: string,
  contract: Uint8Array,
  options: SeedOptions,
): Promise<SeedResult> {
  options.signal?.throwIfAborted();
  parseResolvedContract(contract);
  const uri = uriOf(sha256(contract));
  const root = outputFolder(dir, parts.places);
  using _working = parts.workspace.begin();
  using _lease = lease(parts, uri);
  const scanned = await scan(root, options.signal);
  const packed = await pack(parts, { scanned, contract, options });
  scanned.unchanged();
  const { record, created } = await publish(parts, uri, packed, options);
  const { frames, summary } = packed;
  const written = frames.filter((frame) => frame.created);
  return {
    record,
    created,
    segments: { total: frames.length - 1, new: written.filter((f) => f !== frames.at(-1)).length },
    bytes: { raw: summary.tarSize, stored: written.reduce((sum, frame) => sum + frame.size, 0) },
    warnings: foldings(scanned),
  };
}

/** The real path of an output folder. It and the store must not lie in one another, unless the store has lent it. */
function outputFolder(dir: string, places: Places): string {
  const root = unlessMissing(() => onDisk("reading", dir, () => realpathSync(dir)));
  if (root === undefined) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${dir} does not exist`, {
      hint: "name the folder that holds the output",
      details: { path: dir },
    });
  }
  if (!statSync(root).isDirectory()) {
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      `${dir} is a file, and a pack is made from a folder`,
      {
        hint: "put it into a folder of its own and seed that",
        details: { path: dir },
      },
    );
  }
  const home = realpathSync(places.dir);
  if (!isLent(root, places) && (isWithin(root, home) || isWithin(home, root))) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${root} and the store ${home} lie in one another`, {
      hint: "seed a folder outside the store, or move the store (CTXPACK_CACHE_DIR)",
      details: { path: root, store: home },
    });
  }
  return root;
}

/** Whether a folder is one of a process's own, in the store for as long as it works. */
function isLent(root: string, places: Places): boolean {
  return root.startsWith(places.temporary + sep);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Reads the output once and stores everything the pack consists of. */
async function pack(
  parts: Parts,
  input: { scanned: Scan; contract: Uint8Array; options: SeedOptions },
): Promise<Packed> {
  const { scanned, contract, options } = input;
  const framer = new Framer(parts, {
    threads: helpersFor(scanned.listing.tarSize, parts.blocking),
    onProgress: options.onProgress,
  });
  const states = new FileStates(scanned.listing.count);
  // A folder that was lent is never seen again.
  const isWorth = isWorthSnapshot(scanned.listing.bytes) && !isLent(scanned.root, parts.places);
  const { profile } = options;
  const earlier = isWorth ? earlierPack(parts, scanned, { profile, states }) : undefined;
  try {
    const summary = await storeSegments({ framer, scanned, options, states, earlier });
    // The index of many files is large: threads and their buffers should be gone by then.
    await framer.settle();
    const index = summary.indexBytes();
    await framer.add(index);
    const frames = await framer.finish();
    options.signal?.throwIfAborted();
    options.onProgress?.({ phase: "manifest", unit: "blobs", done: 0, total: 2 });
    const config = await parts.blobs.put(contract);
    const bytes = buildManifest({
      config,
      index: blobOf(lastOf(frames)),
      segments: frames.slice(0, -1).map(blobOf),
      tree: summary.tree,
      files: summary.files,
      bytes: summary.bytes,
    });
    const manifest = await parts.blobs.put(bytes);
    options.onProgress?.({
      phase: "manifest",
      unit: "blobs",
      done: 2,
      total: 2,
      name: manifest.digest,
    });
    parts.blobs.syncNames();
    await parts.database.remember(frames, options.signal);
    const { digest, size } = manifest;
    if (isWorth) {
      const { exponent } = summary;
      Snapshot.write(parts, scanned.root, { manifest: { digest, size }, exponent }, states);
    }
    return {
      summary,
      index,
      manifest: { mediaType: IMAGE_MANIFEST_TYPE, digest, size },
      config,
      frames,
    };
  } finally {
    await framer.settle();
  }
}

/** One sequential read of every file; between two segments the event loop runs. */
async function storeSegments(work: {
  readonly framer: Framer;
  readonly scanned: Scan;
  readonly options: SeedOptions;
  readonly states: FileStates;
  readonly earlier: EarlierPack | undefined;
}): Promise<PackSummary> {
  const { framer, scanned, options, states, earlier } = work;
  const reader = new FileReader(scanned, (row, stat, since) => states.set(row, stat, since));
  const total = scanned.listing.bytes;
  const { take } = framer;
  const { profile } = options;
  const steps = packSteps(scanned.listing, reader, { profile, take, known: earlier?.known });
  try {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      if (value.kind === "segment") {
        await framer.add(value.bytes, value.digest);
      } else if (value.kind === "known") {
        framer.addKnown(value.digest, earlier?.segments[value.segment]);
      } else if (value.kind === "hashed") {
        // What was passed over counts as the tar it is, headers and padding included.
        const done = Math.min(value.bytes, total);
        options.onProgress?.({ phase: "hash", unit: "bytes", done, total });
      } else {
        framer.restart();
      }
      await turn();
      options.signal?.throwIfAborted();
    }
  } finally {
    reader.release();
  }
}

/** Makes the pack visible, unless the contract has an output already. */
async function publish(
  parts: Parts,
  uri: CtxUri,
  packed: Packed,
  options: SeedOptions,
): Promise<{ record: PackRecord; created: boolean }> {
  const { tree, files, bytes } = packed.summary;
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 0, total: 1, name: uri });
  const found = await parts.database.exclusive(() => {
    const there = parts.records.get(uri);
    // A partial pack is nobody's output yet: a whole one takes its place.
    const isWhole = there !== undefined && !there.partial;
    if (isWhole && there.tree === tree && isComplete(parts, there)) return there;
    if (isWhole && there.tree !== tree && !options.replace) return there;
    expectBlobs(parts, uri, [packed.manifest, packed.config, ...packed.frames.map(blobOf)]);
    parts.records.write({
      uri,
      manifest: packed.manifest,
      tree,
      files,
      bytes,
      ...(options.name !== undefined && { name: options.name }),
      ...(options.outputs !== undefined && { outputs: options.outputs }),
      partial: false,
      origin: "seed",
      createdAt: new Date().toISOString(),
    });
    return undefined;
  }, options.signal);
  if (found !== undefined && found.tree !== tree) throw conflict(parts, found, packed);
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 1, total: 1, name: uri });
  const record = parts.records.get(uri);
  if (record === undefined) {
    throw new CtxPackError("CTXPACK_E_STORE_DAMAGED", `the record of ${uri} is gone`, {
      hint: "another process removed the pack; seed it again",
      details: { uri, digest: uriDigest(uri) },
    });
  }
  return { record, created: found === undefined };
}

function conflict(parts: Parts, found: PackRecord, packed: Packed): CtxPackError {
  const paths = differingPaths(openPack(parts, found).index, IndexReader.open(packed.index), 20);
  return new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `${found.uri} has another output already: ${paths.join(", ")}`,
    {
      hint: "the contract leaves something out that changes the output; name it there, or replace the old output",
      details: { uri: found.uri, expected: found.tree, found: packed.summary.tree, paths },
    },
  );
}

function foldings(scanned: Scan): string[] {
  return scanned.listing
    .foldings()
    .map(
      ([a, b]) =>
        `${a} and ${b} are one name on some file systems; the pack cannot be pulled there`,
    );
}

function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new RangeError("an empty list has no last member");
  return last;
}
