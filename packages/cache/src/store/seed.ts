import { realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { CtxPackError, sha256, uriOf } from "@ctxpack/identity";
import { IndexReader, type Listing } from "../pack/index.ts";
import { expectSteps, type PackConfig, packConfig } from "./config.ts";
import { onDisk, unlessMissing } from "./disk.ts";
import { earlierPack, type Looks } from "./earlier.ts";
import { lease } from "./lease.ts";
import { type Material, type Packed, type PackingOptions, pack, publish } from "./packing.ts";
import type { Parts } from "./parts.ts";
import type { Places } from "./places.ts";
import { FileReader } from "./reader.ts";
import type { PackRecord } from "./record.ts";
import { type Scan, scan } from "./scan.ts";
import { FileStates, FoundStates, isWorthSnapshot, Snapshot } from "./snapshot.ts";
import { FrameThreads } from "./threads/frame-threads.ts";

/** How a folder becomes a pack. */
export type SeedOptions = PackingOptions;

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

/** `Store.seed`. */
export async function seed(
  parts: Parts,
  dir: string,
  bytes: Uint8Array,
  options: SeedOptions,
): Promise<SeedResult> {
  options.signal?.throwIfAborted();
  const config = packConfig(bytes);
  const uri = uriOf(sha256(bytes));
  const root = outputFolder(dir, parts.places);
  using _working = parts.workspace.begin();
  using _lease = lease(parts, uri);
  // A folder that was lent is never seen again.
  const snapshot = isLent(root, parts.places) ? undefined : Snapshot.read(parts, root);
  const looks = snapshot && { snapshot, found: new FoundStates() };
  let threads: FrameThreads | undefined;
  try {
    const scanned = await scan(root, {
      signal: options.signal,
      onFile: (row, stat, bytes) => {
        if (looks) return looks.found.set(row, stat);
        // A thread takes as long to start as a few thousand files to be listed.
        threads ??= FrameThreads.of(parts, bytes);
        threads?.start();
      },
    });
    const warnings = foldingsOf(scanned.listing);
    const packed = await packFolder(parts, scanned, { ...options, config, looks, threads });
    scanned.unchanged();
    if (config.kind === "trace") expectSteps(config, IndexReader.open(packed.index), uri);
    const { record, created } = await publish(parts, uri, packed, options);
    return { ...resultOf(packed), record, created, warnings };
  } finally {
    await threads?.end();
  }
}

/** What was written for a pack. */
export function resultOf({ frames, summary }: Packed): Pick<SeedResult, "segments" | "bytes"> {
  const written = frames.filter((frame) => frame.created);
  return {
    segments: { total: frames.length - 1, new: written.filter((f) => f !== frames.at(-1)).length },
    bytes: { raw: summary.tarSize, stored: written.reduce((sum, frame) => sum + frame.size, 0) },
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

interface PackFolderOptions extends SeedOptions, Pick<Material, "threads"> {
  readonly config: PackConfig;
  readonly looks: Looks | undefined;
}

/** Reads the output once; what did not change since it was seeded last is not read at all. */
async function packFolder(
  parts: Parts,
  scanned: Scan,
  { config, looks, threads, ...options }: PackFolderOptions,
): Promise<Packed> {
  const { listing, root } = scanned;
  const states = new FileStates(listing.count);
  const isWorth = isWorthSnapshot(listing.bytes) && !isLent(root, parts.places);
  const { profile } = options;
  const earlier = looks && isWorth ? earlierPack(parts, looks, { profile, states }) : undefined;
  const reader = new FileReader(scanned, (row, stat, since) => states.set(row, stat, since));
  const packed = await pack(parts, { listing, reader, earlier, threads }, config, options);
  if (isWorth) {
    const { digest, size } = packed.manifest;
    const { exponent } = packed.summary;
    Snapshot.write(parts, root, { manifest: { digest, size }, exponent }, states);
  }
  return packed;
}

/** Names that some file systems take for one, in a sentence each. */
export function foldingsOf(listing: Listing): string[] {
  return listing
    .foldings()
    .map(
      ([a, b]) =>
        `${a} and ${b} are one name on some file systems; the pack cannot be pulled there`,
    );
}
