import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type CtxUri, type OnProgress } from "@ctxpack/identity";
import { type Descriptor, IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import {
  buildManifest,
  type ContentReader,
  IndexReader,
  type Listing,
  type PackBlob,
  type PackKind,
  type PackSummary,
  packSteps,
} from "../pack/index.ts";
import type { PackConfig } from "./config.ts";
import { differingPaths } from "./difference.ts";
import type { EarlierPack } from "./earlier.ts";
import { blobOf, Framer, type MadeFrame } from "./framer.ts";
import { expectBlobs, isComplete, openPack } from "./held.ts";
import type { Parts } from "./parts.ts";
import type { PackRecord } from "./record.ts";
import { FrameThreads, ThreadLost } from "./threads/frame-threads.ts";
import { MANY, wholeIndex } from "./whole-index.ts";

/** How a pack is made. */
export interface PackingOptions {
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

/** What is packed: the entries, sealed, and where their content comes from. */
export interface Material {
  readonly listing: Listing;
  readonly reader: ContentReader & { release(): void };
  /** A pack of what was much the same. */
  readonly earlier: EarlierPack | undefined;
  /** Threads that were started before it was known. They are ended; whoever started them does it where nothing is packed. */
  readonly threads?: FrameThreads | undefined;
}

/** A pack whose blobs are all stored, and which nobody can see yet. */
export interface Packed {
  readonly kind: PackKind;
  readonly summary: PackSummary;
  readonly index: Uint8Array;
  readonly manifest: Descriptor;
  readonly config: PackBlob;
  /** The segments in order, then the index. */
  readonly frames: readonly MadeFrame[];
}

/**
 * Reads all content once and stores everything the pack consists of. When a thread is lost, out of memory say, all of it
 * is read again, and packed without threads.
 */
export async function pack(
  parts: Parts,
  material: Material,
  config: PackConfig,
  options: PackingOptions,
): Promise<Packed> {
  const { count: entries, files } = material.listing;
  const work = { material, config, expected: { entries, files } };
  const { tarSize } = material.listing;
  const threads = material.threads ?? FrameThreads.of(parts, tarSize);
  threads?.expect(tarSize);
  try {
    return await packWith(threads, parts, work, options);
  } catch (error) {
    if (!(error instanceof ThreadLost)) throw error;
    options.signal?.throwIfAborted();
    // It may be memory that was short: what is left of them must not keep any.
    await threads?.end();
    return await packWith(undefined, parts, work, options);
  } finally {
    await threads?.end();
  }
}

/** What is packed, and how much of it there was before anything was read. */
interface Work {
  readonly material: Material;
  readonly config: PackConfig;
  readonly expected: Pick<PackSummary, "entries" | "files">;
}

async function packWith(
  threads: FrameThreads | undefined,
  parts: Parts,
  { material, config, expected }: Work,
  options: PackingOptions,
): Promise<Packed> {
  const framer = new Framer(parts, { threads, onProgress: options.onProgress });
  try {
    const summary = await storeSegments(framer, material, options);
    await framer.catchUp(options.signal);
    await framer.settle();
    const ended = threads?.end();
    // The index of many files is large: threads and their buffers should be gone by then.
    if (expected.entries >= MANY) await ended;
    // Before the listing is given up, for a segment that was lost with its thread is packed again from it.
    framer.expectStored();
    expectEverything(summary, expected);
    const index = wholeIndex(parts, summary, summary.entries);
    await framer.add(index);
    const frames = await framer.finish();
    options.signal?.throwIfAborted();
    options.onProgress?.({ phase: "manifest", unit: "blobs", done: 0, total: 2 });
    const configBlob = await parts.blobs.put(config.bytes);
    const bytes = buildManifest({
      kind: config.kind,
      config: configBlob,
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
    return {
      summary,
      index,
      kind: config.kind,
      manifest: { mediaType: IMAGE_MANIFEST_TYPE, digest, size },
      config: configBlob,
      frames,
    };
  } finally {
    await framer.settle();
  }
}

/** A pack that lacks some of its output must never be published, whatever went wrong while it was made. */
function expectEverything(found: Work["expected"], expected: Work["expected"]): void {
  if (found.entries === expected.entries && found.files === expected.files) return;
  throw new RangeError(
    `the index has ${found.entries} entries and ${found.files} files, the output ${expected.entries} and ${expected.files}`,
  );
}

/** One sequential read of every file; between two segments the event loop runs. */
async function storeSegments(
  framer: Framer,
  { listing, reader, earlier }: Material,
  options: PackingOptions,
): Promise<PackSummary> {
  const total = listing.bytes;
  const { take } = framer;
  const { profile } = options;
  const steps = packSteps(listing, reader, { profile, take, known: earlier?.known });
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

/** Makes the pack visible, unless the contract has an output already: another one is `CTXPACK_E_CONFLICT`. */
export async function publish(
  parts: Parts,
  uri: CtxUri,
  packed: Packed,
  options: PackingOptions,
): Promise<{ record: PackRecord; created: boolean }> {
  const { tree, files, bytes } = packed.summary;
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 0, total: 1, name: uri });
  const { record, created } = await parts.database.exclusive(() => {
    const there = parts.records.get(uri);
    // A partial pack is nobody's output yet: a whole one takes its place.
    const isWhole = there !== undefined && !there.partial;
    if (isWhole && (there.tree === tree ? isComplete(parts, there) : !options.replace)) {
      return { record: there, created: false };
    }
    expectBlobs(parts, uri, [packed.manifest, packed.config, ...packed.frames.map(blobOf)]);
    parts.records.write({
      uri,
      ...(packed.kind === "trace" && { kind: packed.kind }),
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
    // Under the lock: somebody may remove the pack as soon as it is let go.
    return { record: parts.records.get(uri), created: true };
  }, options.signal);
  if (record === undefined) throw new RangeError(`the record of ${uri} was not written`);
  if (!created && record.tree !== tree) throw conflict(parts, record, packed);
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 1, total: 1, name: uri });
  return { record, created };
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

function lastOf<T>(list: readonly T[]): T {
  const last = list.at(-1);
  if (last === undefined) throw new RangeError("an empty list has no last member");
  return last;
}
