import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { CtxPackError, type CtxUri, type OnProgress } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { clear } from "./clear.ts";
import { clone } from "./clone.ts";
import { diskError, onDisk, systemCode, unlessMissing } from "./disk.ts";
import { probeNames, refuseFolding } from "./fold.ts";
import { Folder } from "./folder.ts";
import { type HeldPack, openPack } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { inPart } from "./placed.ts";
import { noPack } from "./records.ts";
import { clearStale, stagingBeside } from "./staging.ts";
import type { SegmentThreads } from "./threads/segment-threads.ts";
import { type Displaced, displace } from "./trash.ts";
import { countFiles, hasTree, paths } from "./trees.ts";
import { threadsAhead, unpack } from "./unpack.ts";

/** What is copied out of the store. */
export interface ExtractOptions {
  /** Only these files. Paths as in the index. */
  readonly only?: ((path: string) => boolean) | undefined;
  /** Only this entry, or what lies below it: that file or folder is what appears. Path as in the index. */
  readonly part?: string | undefined;
  /** Move what stands there into the trash; otherwise there must be nothing, or an empty folder. */
  readonly displace?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** `Store.extract`. */
export async function extract(
  parts: Parts,
  uri: CtxUri,
  to: string,
  options: ExtractOptions,
): Promise<Displaced | undefined> {
  options.signal?.throwIfAborted();
  const target = resolve(to);
  if (!options.displace) expectRoom(target);
  expectFolder(dirname(target));
  expectOutside(target, parts.places.dir);
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined || (record.partial && options.only === undefined)) {
    throw noPack(uri, parts.places.dir);
  }
  const { part } = options;
  // Of a part it is not known yet what it weighs; and a folder that the store has may be cloned.
  const isWhole = part === undefined && options.only === undefined;
  const isLarge = isWhole && !hasTree(parts, record);
  await using threads = isLarge ? threadsAhead(parts, record) : undefined;
  const pack = openPack(parts, record);
  if (part !== undefined) expectPart(pack, part);
  clearStale(target);
  const staging = stagingBeside(target);
  try {
    const only = part === undefined ? options.only : inPart(part);
    refuseFolding(paths(pack, only), probeNames(`${staging}.names`), dirname(target));
    await fill(parts, pack, staging, { ...options, only, threads });
    options.onProgress?.({ phase: "publish", unit: "files", done: 0, total: 1, name: target });
    const made = part === undefined ? staging : join(staging, part);
    const displaced = options.displace ? await replace(parts, made, target) : place(made, target);
    options.onProgress?.({ phase: "publish", unit: "files", done: 1, total: 1, name: target });
    return displaced;
  } catch (error) {
    throw diskError(error, "writing", target);
  } finally {
    clear(staging);
  }
}

async function fill(
  parts: Parts,
  pack: HeldPack,
  staging: string,
  options: ExtractOptions & { readonly threads: SegmentThreads | undefined },
): Promise<void> {
  const { only, threads, signal, onProgress } = options;
  const total = countFiles(pack, only);
  const folder = Folder.make(
    { root: staging },
    { onFiles: (done) => onProgress?.({ phase: "unpack", unit: "files", done, total }) },
  );
  try {
    // Where blocks can be shared with the store's own tree, nothing is decompressed or written.
    if (!(await clone(parts, pack, folder, options))) {
      await unpack(parts, pack, folder, { select: only, threads, signal });
    }
    folder.finish(paths(pack, only));
  } finally {
    folder.release();
  }
}

/** A result goes to a folder of its own: it never mixes with what is there. */
function expectRoom(target: string): void {
  const stat = unlessMissing(() => onDisk("reading", target, () => lstatSync(target)));
  if (stat === undefined) return;
  const isEmpty = stat.isDirectory() && readdirSync(target).length === 0;
  if (isEmpty) return;
  const what = stat.isDirectory() ? "is not empty" : "exists and is no folder";
  throw new CtxPackError("CTXPACK_E_USAGE", `${target} ${what}`, {
    hint: "name a folder that does not exist yet, or an empty one",
    details: { path: target },
  });
}

function expectFolder(path: string): void {
  if (unlessMissing(() => statSync(path))?.isDirectory()) return;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${path} is no folder`, {
    hint: "create it first",
    details: { path },
  });
}

function expectPart({ record, index }: HeldPack, part: string): void {
  const isPart = inPart(part);
  for (const { path } of index.entries()) if (isPart(path)) return;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${record.uri} has nothing at ${part}`, {
    hint: "ctxpack ls lists the files of a pack",
    details: { uri: record.uri, path: part },
  });
}

/** A folder inside the store would be taken for a part of it. */
function expectOutside(target: string, store: string): void {
  const parent = realpathSync(dirname(target));
  if (parent !== store && !parent.startsWith(store + sep)) return;
  throw new CtxPackError("CTXPACK_E_USAGE", `${target} lies in the store ${store}`, {
    hint: "name a folder outside the store",
    details: { path: target, store },
  });
}

const OCCUPIED: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST", "ENOTDIR", "EISDIR"]);

/** Into an empty folder a folder can be renamed on POSIX systems; elsewhere the empty one goes first. */
function place(staging: string, target: string): undefined {
  if (process.platform === "win32" && existsSync(target)) rmdirSync(target);
  try {
    rename(staging, target);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || !OCCUPIED.has(code)) throw error;
    throw new CtxPackError("CTXPACK_E_USAGE", `${target} was filled by somebody else meanwhile`, {
      hint: "name a folder that does not exist yet, or an empty one",
      cause: error,
      details: { path: target },
    });
  }
}

/** How often others may put something there while we do. */
const ATTEMPTS = 10;

/** What stands there goes first, and is back when nothing can take its place. */
async function replace(
  parts: Parts,
  staging: string,
  target: string,
): Promise<Displaced | undefined> {
  for (let attempt = 1; ; attempt++) {
    const displaced = await displace(parts, target);
    try {
      place(staging, target);
      return displaced;
    } catch (error) {
      // Somebody else's result came between.
      if (attempt < ATTEMPTS && isOccupied(error)) continue;
      await displaced?.restore();
      throw error;
    }
  }
}

function isOccupied(error: unknown): boolean {
  return CtxPackError.isInstance(error) && error.code === "CTXPACK_E_USAGE";
}
