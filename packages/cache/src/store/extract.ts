import {
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { CtxPackError, type CtxUri, type OnProgress } from "@ctxpack/identity";
import { clear } from "./clear.ts";
import { clone } from "./clone.ts";
import { diskError, onDisk, systemCode, unlessMissing } from "./disk.ts";
import { probeNames, refuseFolding } from "./fold.ts";
import { Folder } from "./folder.ts";
import { type HeldPack, openPack } from "./held.ts";
import { lease } from "./lease.ts";
import { isGone, ownerName, parseOwner } from "./owner.ts";
import type { Parts } from "./parts.ts";
import { noPack } from "./records.ts";
import { countFiles, paths } from "./trees.ts";
import { unpack } from "./unpack.ts";

/** How the name of a folder begins that is not finished; its owner's name follows. */
const STAGING = ".ctxpack-";

/** What is copied out of the store. */
export interface ExtractOptions {
  /** Only these files. Paths as in the index. */
  readonly only?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** `Store.extract`. */
export async function extract(
  parts: Parts,
  uri: CtxUri,
  to: string,
  options: ExtractOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const target = resolve(to);
  expectRoom(target);
  expectOutside(target, parts.places.dir);
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined || (record.partial && options.only === undefined)) {
    throw noPack(uri, parts.places.dir);
  }
  const pack = openPack(parts, record);
  clearStale(target);
  const staging = join(dirname(target), `${STAGING}${ownerName()}`);
  try {
    refuseFolding(paths(pack, options.only), probeNames(`${staging}.names`), dirname(target));
    await fill(parts, pack, staging, options);
    options.onProgress?.({ phase: "publish", unit: "files", done: 0, total: 1, name: target });
    place(staging, target);
    options.onProgress?.({ phase: "publish", unit: "files", done: 1, total: 1, name: target });
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
  options: ExtractOptions,
): Promise<void> {
  const { only, signal, onProgress } = options;
  const total = countFiles(pack, only);
  const folder = Folder.make(
    { root: staging },
    { onFiles: (done) => onProgress?.({ phase: "unpack", unit: "files", done, total }) },
  );
  try {
    // Where blocks can be shared with the store's own tree, nothing is decompressed or written.
    if (!(await clone(parts, pack, folder, options))) {
      await unpack(parts, pack, folder, { select: only, signal });
    }
    folder.finish(paths(pack, only));
  } finally {
    folder.release();
  }
}

/** A result goes to a folder of its own: it never mixes with what is there. */
function expectRoom(target: string): void {
  const stat = unlessMissing(() => onDisk("reading", target, () => lstatSync(target)));
  const parent = dirname(target);
  if (stat === undefined) {
    if (unlessMissing(() => statSync(parent))?.isDirectory()) return;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${parent} is no folder`, {
      hint: "create it first",
      details: { path: parent },
    });
  }
  const isEmpty = stat.isDirectory() && readdirSync(target).length === 0;
  if (isEmpty) return;
  const what = stat.isDirectory() ? "is not empty" : "exists and is no folder";
  throw new CtxPackError("CTXPACK_E_USAGE", `${target} ${what}`, {
    hint: "name a folder that does not exist yet, or an empty one",
    details: { path: target },
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

/** Into an empty folder a folder can be renamed on POSIX systems; elsewhere the empty one goes first. */
function place(staging: string, target: string): void {
  if (process.platform === "win32" && existsSync(target)) rmdirSync(target);
  try {
    renameSync(staging, target);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new CtxPackError("CTXPACK_E_USAGE", `${target} was filled by somebody else meanwhile`, {
      hint: "name a folder that does not exist yet, or an empty one",
      cause: error,
      details: { path: target },
    });
  }
}

/** Clears what killed extractions to this place have left beside it. */
function clearStale(target: string): void {
  const dir = dirname(target);
  for (const name of onDisk("reading", dir, () => readdirSync(dir))) {
    if (!name.startsWith(STAGING)) continue;
    const owner = parseOwner(name.slice(STAGING.length).replace(/\.names$/, ""));
    const seen = unlessMissing(() => lstatSync(join(dir, name)).mtimeMs);
    if (owner && seen !== undefined && isGone(owner, seen, Date.now())) clear(join(dir, name));
  }
}
