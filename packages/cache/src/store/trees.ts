import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type CtxUri, type OnProgress, sha256 } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { bootName } from "./boot.ts";
import { clear } from "./clear.ts";
import { diskError, makeFolder, onDisk, systemCode, unlessMissing } from "./disk.ts";
import { probeNames, refuseFolding } from "./fold.ts";
import { Folder } from "./folder.ts";
import { type HeldPack, openPack } from "./held.ts";
import { laidOut } from "./laid-out.ts";
import { lease } from "./lease.ts";
import { isIntact, type MarkerFacts, readMarker, writeMarker } from "./marker.ts";
import type { Parts } from "./parts.ts";
import { quarantine } from "./quarantine.ts";
import type { NewRecord } from "./record.ts";
import { noPack } from "./records.ts";
import { hasMoved, MOST_LOOKS, see } from "./seen.ts";
import { rememberHome, siblingsOf } from "./siblings.ts";
import type { SegmentThreads } from "./threads/segment-threads.ts";
import { touch } from "./touch.ts";
import { threadsAhead, unpack } from "./unpack.ts";
import { countEntries, findDamage } from "./verify.ts";

/** How a pack is handed out by path. */
export interface TreeOptions {
  /** Read and hash every file instead of looking at a sample of sizes and times. */
  readonly verify?: boolean | undefined;
  /** A folder with these files only (of a partial pack too). Paths as in the index. */
  readonly only?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How a folder is made, beside what a caller of `Store.tree` may say. */
export interface MakeOptions extends TreeOptions {
  /** Nobody has looked inside this pack's segments yet. */
  readonly strict?: boolean | undefined;
  /** Settles when the blob of a segment is here; those of the first ones may be before the others are. */
  readonly ready?: ((row: number) => Promise<void>) | undefined;
  readonly threads?: SegmentThreads | undefined;
}

/** `Store.tree`. */
export async function tree(parts: Parts, uri: CtxUri, options: TreeOptions): Promise<string> {
  options.signal?.throwIfAborted();
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined || (record.partial && options.only === undefined)) {
    throw noPack(uri, parts.places.dir);
  }
  const path = options.only
    ? await makeTree(parts, openPack(parts, record), options)
    : await wholeTree(parts, record, options);
  return path;
}

/** A hit by path opens neither the manifest nor the index: it reads the record and the marker. */
async function wholeTree(parts: Parts, record: NewRecord, options: TreeOptions): Promise<string> {
  const wrapper = parts.places.tree(record.tree);
  if (!options.verify && isIntact(wrapper, bootName())) {
    const path = handOut(parts, wrapper);
    // From here on it is not collected; before, it may have been.
    if (unlessMissing(() => statSync(path)) !== undefined) return path;
  }
  const isNeeded = see(wrapper) === undefined && !parts.workspace.readOnly;
  await using threads = isNeeded ? threadsAhead(parts, record) : undefined;
  return await makeTree(parts, openPack(parts, record), { ...options, threads });
}

/**
 * The folder with a pack's files, made from the blobs unless it is there and whole. Between two processes
 * that make the same folder the first rename wins, and the other one uses it.
 */
export async function makeTree(
  parts: Parts,
  pack: HeldPack,
  options: MakeOptions,
): Promise<string> {
  const wrapper = parts.places.tree(pack.record.tree, selectionOf(pack, options.only));
  for (let looks = 1; ; looks++) {
    const seen = see(wrapper);
    if (seen === undefined) break;
    if (await isUsable(parts, wrapper, pack, options)) {
      // The files are right; what the segments hold has to be looked at all the same.
      if (options.strict)
        await unpack(parts, pack, undefined, { ...options, select: options.only });
      return handOut(parts, wrapper);
    }
    // It may have been away. On a disk whose times never hold still it is believed at last.
    if (looks === 1 || (hasMoved(wrapper, seen) && looks < MOST_LOOKS)) {
      await turn();
      options.signal?.throwIfAborted();
      continue;
    }
    // Somebody who saw the same damage may have put a new folder there meanwhile: that one stays.
    putTreeAside(parts, wrapper, seen.identity);
    break;
  }
  await parts.workspace.reap(options.signal);
  const staging = parts.workspace.path();
  try {
    await fill(parts, staging, pack, options);
    options.onProgress?.({ phase: "publish", unit: "files", done: 0, total: 1, name: wrapper });
    place(staging, wrapper);
    if (options.only === undefined) await rememberHome(parts, pack);
    options.onProgress?.({ phase: "publish", unit: "files", done: 1, total: 1, name: wrapper });
  } catch (error) {
    throw diskError(error, "making", wrapper);
  } finally {
    clear(staging);
  }
  return handOut(parts, wrapper);
}

/** Whether the folder of a tree is there and passes the quick check. */
export function hasTree(parts: Parts, record: NewRecord): boolean {
  return isIntact(parts.places.tree(record.tree), bootName());
}

/** What stands at `wrapper` after the checks that were asked for, or that a reboot makes necessary. */
async function isUsable(
  parts: Parts,
  wrapper: string,
  pack: HeldPack,
  options: MakeOptions,
): Promise<boolean> {
  const boot = bootName();
  if (!options.verify && isIntact(wrapper, boot)) return true;
  const root = join(wrapper, "files");
  if ((await findDamage(root, pack.index, options)) !== undefined) return false;
  if (unlessMissing(() => countEntries(root)) !== [...paths(pack, options.only)].length)
    return false;
  const marker = readMarker(wrapper);
  // What was made before this boot and is whole now has come from the disk: it needs no second look.
  const isDurable = marker?.durable === true || (marker !== undefined && marker.boot !== boot);
  if (!isIntact(wrapper, boot))
    renewMarker(parts, wrapper, pack, { ...options, boot, durable: isDurable });
  return true;
}

/** The files are right; a store that cannot be written is checked again the next time. */
function renewMarker(parts: Parts, wrapper: string, pack: HeldPack, facts: MarkerFacts): void {
  try {
    writeMarker(parts, wrapper, pack.index, facts);
  } catch (error) {
    const isRefused = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PERMISSION";
    if (!isRefused) throw error;
  }
}

async function fill(
  parts: Parts,
  staging: string,
  pack: HeldPack,
  options: MakeOptions,
): Promise<void> {
  const { only, onProgress, ready, threads, signal } = options;
  // A part of a pack is asked again which it is.
  using _index = only === undefined ? laidOut(parts, pack) : undefined;
  refuseFolding(paths(pack, only), probeNames(parts.workspace.path()), parts.places.trees);
  onDisk("creating", staging, () => mkdirSync(staging, { mode: 0o755 }));
  const total = countFiles(pack, only);
  const place = { root: join(staging, "files"), pool: parts.places.shared };
  const folder = Folder.make(place, {
    onFiles: (done) => onProgress?.({ phase: "unpack", unit: "files", done, total }),
  });
  try {
    const siblingOf = await siblingsOf(parts, pack, signal);
    const { strict } = options;
    await unpack(parts, pack, folder, { select: only, strict, siblingOf, ready, threads, signal });
    folder.finish(only === undefined ? pack.index.pathInEachFolder() : paths(pack, only));
  } finally {
    folder.release();
  }
  writeMarker(parts, staging, pack.index, { only, boot: bootName(), durable: false });
}

/** The one rename. A folder with something in it is never replaced: then somebody else was first. */
function place(staging: string, wrapper: string): void {
  makeFolder(dirname(wrapper));
  try {
    rename(staging, wrapper);
  } catch (error) {
    const code = systemCode(error);
    const isThere =
      code === "ENOTEMPTY" || code === "EEXIST" || (code === "EPERM" && existsSync(wrapper));
    if (!isThere) throw error;
  }
}

/** Moves a damaged folder away, unless it is not the one any more that was `seen`. */
export function putTreeAside(parts: Parts, wrapper: string, seen?: string): void {
  parts.workspace.expectWritable();
  onDisk("moving", wrapper, () => quarantine(parts.places, wrapper, seen));
}

function handOut(parts: Parts, wrapper: string): string {
  if (!parts.workspace.readOnly) touch(join(wrapper, "made.json"), Date.now());
  return join(wrapper, "files");
}

/** A name for a part of a tree; `undefined` for the whole. */
function selectionOf(pack: HeldPack, only: TreeOptions["only"]): string | undefined {
  if (only === undefined) return undefined;
  let isWhole = true;
  const chosen: string[] = [];
  for (const { path } of pack.index.entries()) {
    if (only(path)) chosen.push(path);
    else isWhole = false;
  }
  return isWhole ? undefined : sha256(Buffer.from(chosen.join("\0"))).slice(7, 23);
}

/** How many files will be made. */
export function countFiles({ index }: HeldPack, only: TreeOptions["only"]): number {
  if (only === undefined) return index.files;
  let count = 0;
  for (const entry of index.entries()) if ("digest" in entry && only(entry.path)) count += 1;
  return count;
}

export function* paths({ index }: HeldPack, only: TreeOptions["only"]): Iterable<string> {
  for (let row = 0; row < index.count; row++) {
    const path = index.path(row);
    if (only === undefined || only(path)) yield path;
  }
}
