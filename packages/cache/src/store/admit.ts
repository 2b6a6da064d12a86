import {
  CtxPackError,
  type CtxUri,
  type Digest,
  type OnProgress,
  sha256,
  uriDigest,
} from "@ctxpack/identity";
import {
  type BlobConcurrency,
  type Descriptor,
  fetchBytes,
  type ReadOnlyStorage,
} from "@ctxpack/oci";
import {
  LIMITS,
  largestFrame,
  type PackManifest,
  parsePackManifest,
  segmentsOf,
} from "../pack/index.ts";
import { arrivingConfig, expectSteps, type PackConfig } from "./config.ts";
import type { Frame } from "./database.ts";
import { Download } from "./download.ts";
import { expectBlobs, type HeldPack, heldBytes, isComplete, openIndex } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { type Acceptance, keepProofs } from "./proofs.ts";
import type { NewRecord, PackRecord } from "./record.ts";
import { makeTree } from "./trees.ts";
import { unpack } from "./unpack.ts";

/**
 * The one gate of a pull: called with the manifest's and the config's descriptors before anything
 * but the manifest is fetched. Returns to let the pack in, with what let it in if a policy did; throws
 * `CTXPACK_E_POLICY` or a `CTXPACK_E_PROOF_…` to keep it out.
 */
export type Accept = (
  manifest: Descriptor,
  config: Descriptor,
  options: { signal?: AbortSignal | undefined },
) => Promise<Accepted | undefined>;

/** What let a pack in. */
export interface Accepted extends Omit<Acceptance, "manifest" | "at"> {
  /** The bundles' bytes; kept with the pack. */
  readonly proofs: readonly Uint8Array[];
  /** Asked once the config has been read, before anything else is fetched; throws to keep the pack out after all. */
  readonly config?: (config: Uint8Array) => void;
}

/** Where a pack comes from and what of it is wanted. */
export interface AdmitOptions {
  readonly source: ReadOnlyStorage;
  readonly manifest: Descriptor;
  /** The manifest as fetched; checked against its descriptor. */
  readonly manifestBytes: Uint8Array;
  readonly accept: Accept;
  /** Reads the head of a trace, of which the store knows only that it is one, and its steps; throws `CTXPACK_E_PACK`. */
  readonly readRun?: ((head: Uint8Array) => Promise<unknown>) | undefined;
  /** Only these files; the record is then `partial`. Paths as in the index. */
  readonly only?: ((path: string) => boolean) | undefined;
  /** False makes no folder of it: the blobs are checked, and are all that is wanted. */
  readonly folder?: boolean | undefined;
  /** Take the place of another output that is here. */
  readonly replace?: boolean | undefined;
  /** The pantry's name, for the record. */
  readonly origin: string;
  /** A label for people. */
  readonly name?: string | undefined;
  /** Blobs on their way at once; 4. */
  readonly concurrency?: BlobConcurrency | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a pull brought. */
export interface AdmitResult {
  readonly record: PackRecord;
  /** False when the pack was already here, whole. */
  readonly created: boolean;
  readonly blobs: { readonly fetched: number; readonly existing: number };
  /** Compressed bytes. */
  readonly bytes: { readonly fetched: number; readonly existing: number };
}

/** A pack on its way in. */
interface Arrival {
  readonly uri: CtxUri;
  readonly manifest: PackManifest;
  readonly options: AdmitOptions;
  readonly accepted: Accepted | undefined;
}

/** `Store.admit`: the checks in the order of DESIGN §5, the gate before anything else is fetched. */
export async function admit(
  parts: Parts,
  uri: CtxUri,
  options: AdmitOptions,
): Promise<AdmitResult> {
  options.signal?.throwIfAborted();
  const manifest = openManifest(uri, options);
  const accepted = await options.accept(options.manifest, manifest.config, {
    signal: options.signal,
  });
  const arrival = { uri, manifest, options, accepted };
  using _lease = lease(parts, uri);
  const there = parts.records.get(uri);
  if (there !== undefined && !there.partial) {
    const isSame = there.tree === manifest.tree;
    if (!isSame && !options.replace) throw conflict(there, manifest);
    if (isSame && isComplete(parts, there)) {
      accepted?.config?.(heldBytes(parts, there, manifest.config));
      await noteAccepted(parts, arrival);
      return nothingToDo(there, manifest);
    }
  }
  using _working = parts.workspace.begin();
  const download = new Download(parts, options);
  const { pack, only } = await bringAll(parts, arrival, download);
  await parts.database.remember(framesOf(pack, only), options.signal);
  const record = await publish(parts, { pack, partial: only !== undefined }, options);
  await noteAccepted(parts, arrival);
  return { record, created: true, blobs: download.blobs, bytes: download.bytes };
}

/** The manifest, if its bytes are what was asked for and it is the manifest of this URI. */
function openManifest(uri: CtxUri, options: AdmitOptions): PackManifest {
  const { manifest: d, manifestBytes: bytes } = options;
  const found = sha256(bytes);
  if (found !== d.digest || bytes.length !== d.size) {
    throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `the manifest ${d.digest} is ${found}`, {
      details: { expected: d.digest, found, size: bytes.length },
    });
  }
  const manifest = parsePackManifest(bytes);
  if (manifest.config.digest === uriDigest(uri)) return manifest;
  throw new CtxPackError(
    "CTXPACK_E_DIGEST_MISMATCH",
    `the manifest ${d.digest} is that of ctx://${manifest.config.digest}, expected ${uri}`,
    {
      hint: "a tag of the pantry points at the wrong pack; tell its owner",
      details: { uri, expected: uriDigest(uri), found: manifest.config.digest },
    },
  );
}

/** Fetches and checks; what the store had but turns out damaged is fetched again, once. */
async function bringAll(
  parts: Parts,
  arrival: Arrival,
  download: Download,
): Promise<{ pack: HeldPack; only: AdmitOptions["only"] }> {
  try {
    return await bring(parts, arrival, download);
  } catch (error) {
    // Only for damage in the store: what a pantry sends wrong will not be better the second time.
    if (!CtxPackError.isInstance(error) || error.details["damaged"] !== true) throw error;
    const { config, index, segments } = arrival.manifest;
    for (const d of [config, index, ...segments]) {
      parts.blobs.quarantine(d);
    }
    return bring(parts, arrival, download);
  }
}

async function bring(
  parts: Parts,
  arrival: Arrival,
  download: Download,
): Promise<{ pack: HeldPack; only: AdmitOptions["only"] }> {
  const { uri, manifest, options } = arrival;
  const { signal, onProgress } = options;
  const config = await bringConfig(parts, arrival);
  await download.bring([manifest.index]);
  const candidate = newRecord(arrival);
  const index = openIndex(heldBytes(parts, candidate, manifest.index));
  const pack: HeldPack = { record: candidate, manifest, index };
  expectAgreement(pack, uri);
  expectSteps(config, index, uri);
  const only = isEverything(pack, options.only) ? undefined : options.only;
  const rows = only ? segmentsOf(index, only) : [...index.segments.keys()];
  for (const row of rows) expectSize(pack, row, uri);
  // Unpacked while later segments are on their way: a pull takes as long as its transfer, not longer.
  const transfer = download.begin(rows.map((row) => segmentAt(manifest, row)));
  const ready = (row: number): Promise<void> => transfer.ready(segmentAt(manifest, row).digest);
  try {
    if (options.folder === false) {
      await unpack(parts, pack, undefined, { select: only, strict: true, signal, ready });
    } else {
      await makeTree(parts, pack, { only, strict: true, signal, onProgress, ready });
    }
  } catch (error) {
    transfer.stop(error);
    // If a blob did not come, that is why.
    await transfer.done;
    throw error;
  }
  await transfer.done;
  onProgress?.({ phase: "manifest", unit: "blobs", done: 0, total: 1 });
  await parts.blobs.put(options.manifestBytes);
  onProgress?.({ phase: "manifest", unit: "blobs", done: 1, total: 1 });
  parts.blobs.syncNames();
  return { pack, only };
}

/** The config is small and is parsed before anything else is fetched. */
async function bringConfig(parts: Parts, arrival: Arrival): Promise<PackConfig> {
  const { uri, manifest, options, accepted } = arrival;
  const { source, signal } = options;
  const bytes = await fetchBytes(source, manifest.config, { maxBytes: LIMITS.config, signal });
  const config = arrivingConfig(manifest.kind, bytes, uri);
  if (config.kind === "trace") await options.readRun?.(bytes);
  accepted?.config?.(bytes);
  await parts.blobs.put(bytes);
  return config;
}

/** Keeps what let the pack in, for the next one who asks under the same policies. */
async function noteAccepted(parts: Parts, { uri, options, accepted }: Arrival): Promise<void> {
  if (accepted === undefined) return;
  const { proofs, config: _, ...rest } = accepted;
  const acceptance = {
    ...rest,
    manifest: options.manifest.digest,
    at: new Date().toISOString(),
  };
  await keepProofs(parts, uri, { bundles: proofs, acceptances: [acceptance] }, options);
}

function newRecord({ uri, manifest, options }: Arrival): NewRecord {
  const { mediaType, digest, size } = options.manifest;
  return {
    uri,
    ...(manifest.kind === "trace" && { kind: manifest.kind }),
    manifest: { mediaType, digest, size },
    tree: manifest.tree,
    files: manifest.files,
    bytes: manifest.bytes,
    ...(options.name !== undefined && { name: options.name }),
    partial: true,
    origin: options.origin,
    createdAt: new Date().toISOString(),
  };
}

/** What the manifest says of the index has to be true. */
function expectAgreement({ manifest, index }: HeldPack, uri: CtxUri): void {
  const pairs = [
    ["tree", manifest.tree, index.tree],
    ["files", manifest.files, index.files],
    ["bytes", manifest.bytes, index.bytes],
    ["segments", manifest.segments.length, index.segments.length],
  ] as const;
  for (const [what, said, found] of pairs) {
    if (said === found) continue;
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `${uri}: ${what} is ${found} in the index, the manifest says ${said}`,
      {
        details: { uri, what, expected: said, found },
      },
    );
  }
}

/** A frame far longer than what it holds would be fetched in vain. */
function expectSize({ manifest, index }: HeldPack, row: number, uri: CtxUri): void {
  const blob = segmentAt(manifest, row);
  const raw = index.segments[row]?.size ?? 0;
  if (blob.size <= largestFrame(raw)) return;
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `${uri}: segment ${row} is a frame of ${blob.size} bytes for ${raw} bytes of content`,
    { details: { uri, segment: row, expected: raw, found: blob.size } },
  );
}

function isEverything({ index }: HeldPack, only: AdmitOptions["only"]): boolean {
  if (only === undefined) return true;
  for (const { path } of index.entries()) if (!only(path)) return false;
  return true;
}

function segmentAt(manifest: PackManifest, row: number): Descriptor {
  const segment = manifest.segments[row];
  if (segment === undefined) throw new RangeError(`no segment ${row}`);
  return segment;
}

/** Raw digest to blob, for the segments that were unpacked and found to be what the index says. */
function framesOf({ index, manifest }: HeldPack, only: AdmitOptions["only"]): Frame[] {
  const rows = only ? segmentsOf(index, only) : [...index.segments.keys()];
  return rows.map((row) => {
    const { digest, size } = segmentAt(manifest, row);
    return { raw: index.segments[row]?.digest as Digest, blob: digest, size };
  });
}

/** The rename that makes the pack visible; a whole pack is never replaced by a part of it. */
async function publish(
  parts: Parts,
  arrived: { readonly pack: HeldPack; readonly partial: boolean },
  options: AdmitOptions,
): Promise<PackRecord> {
  const { partial } = arrived;
  const record: NewRecord = { ...arrived.pack.record, partial };
  const { config, index, segments } = arrived.pack.manifest;
  const { uri } = record;
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 0, total: 1, name: uri });
  const result = await parts.database.exclusive(() => {
    const there = parts.records.get(uri);
    const name = record.name ?? there?.name;
    const outputs = there?.outputs;
    const isOther = there?.tree !== record.tree;
    const isReplaced = options.replace && !partial && isOther;
    const isBetter =
      there === undefined || there.partial || isReplaced || !isComplete(parts, there);
    if (isBetter) {
      expectBlobs(parts, uri, [record.manifest, config, index, ...(partial ? [] : segments)]);
      const labels = { ...(name !== undefined && { name }), ...(outputs && { outputs }) };
      parts.records.write({ ...record, ...labels });
    }
    return isBetter ? parts.records.get(uri) : there;
  }, options.signal);
  options.onProgress?.({ phase: "publish", unit: "blobs", done: 1, total: 1, name: uri });
  if (result === undefined) throw new RangeError(`the record of ${uri} was not written`);
  if (!record.partial && result.tree !== record.tree) throw conflict(result, record);
  return result;
}

function nothingToDo(record: PackRecord, manifest: PackManifest): AdmitResult {
  const { config, index, segments } = manifest;
  const all = [config, index, ...segments];
  return {
    record,
    created: false,
    blobs: { fetched: 0, existing: all.length },
    bytes: { fetched: 0, existing: all.reduce((sum, d) => sum + d.size, 0) },
  };
}

function conflict(found: NewRecord, offered: { readonly tree: Digest }): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `${found.uri} has the output ${found.tree} here, not ${offered.tree}`,
    {
      hint: "remove the pack from this store first to take the other output",
      details: { uri: found.uri, expected: found.tree, found: offered.tree },
    },
  );
}
