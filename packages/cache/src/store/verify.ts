import { createHash, hash } from "node:crypto";
import { closeSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Digest, OnProgress } from "@ctxpack/identity";
import type { Entry, FileEntry, IndexReader } from "../pack/index.ts";
import { openOwn, readFully } from "./blobs.ts";

/** The event loop gets a turn at least this often. */
const SLICE_MS = 10;
const BUFFER = 1 << 20;

/** What is looked at. */
export interface VerifyOptions {
  readonly only?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Reads a materialised tree and compares it with the index: every content, link, x bit and empty
 * folder. Returns the first path that is wrong, or `undefined`. What else is there, `countEntries` tells.
 */
export async function findDamage(
  root: string,
  index: IndexReader,
  options: VerifyOptions,
): Promise<string | undefined> {
  const buffer = Buffer.allocUnsafeSlow(BUFFER);
  let sliceEnds = performance.now() + SLICE_MS;
  let files = 0;
  for (const entry of index.entries()) {
    if (options.only !== undefined && !options.only(entry.path)) continue;
    const path = `${root}/${entry.path}`;
    if (!matches(path, entry, buffer)) return entry.path;
    if (
      "digest" in entry &&
      entry.size > BUFFER &&
      !(await hasDigest(path, entry, buffer, options))
    ) {
      return entry.path;
    }
    if ("digest" in entry) {
      files += 1;
      options.onProgress?.({
        phase: "hash",
        unit: "files",
        done: files,
        total: index.files,
        name: entry.path,
      });
    }
    if (performance.now() < sliceEnds) continue;
    await turn();
    options.signal?.throwIfAborted();
    sliceEnds = performance.now() + SLICE_MS;
  }
  return undefined;
}

function matches(path: string, entry: Entry, buffer: Buffer): boolean {
  try {
    const stat = lstatSync(path);
    if ("link" in entry) return stat.isSymbolicLink() && readlinkSync(path) === entry.link;
    if ("dir" in entry) return stat.isDirectory();
    if (!stat.isFile() || stat.size !== entry.size) return false;
    if (process.platform !== "win32" && ((stat.mode & 0o100) !== 0) !== (entry.exec === true))
      return false;
    return entry.size > BUFFER || digestOf(path, entry, buffer) === entry.digest;
  } catch {
    // Gone, or not readable: either way not what was put there.
    return false;
  }
}

function digestOf(path: string, entry: FileEntry, buffer: Buffer): Digest {
  const fd = openOwn(path);
  try {
    const n = readFully(fd, buffer.subarray(0, entry.size), 0);
    return `sha256:${hash("sha256", buffer.subarray(0, n), "hex")}`;
  } finally {
    closeSync(fd);
  }
}

/** Whether a file that is read in several pieces has its digest. */
async function hasDigest(
  path: string,
  entry: FileEntry,
  buffer: Buffer,
  options: VerifyOptions,
): Promise<boolean> {
  const fd = openOwn(path);
  try {
    const hasher = createHash("sha256");
    for (let at = 0; at < entry.size; ) {
      const n = readFully(fd, buffer, at);
      if (n === 0) return false;
      hasher.update(buffer.subarray(0, n));
      at += n;
      if (at % (16 * BUFFER) === 0) await turn();
      options.signal?.throwIfAborted();
    }
    return `sha256:${hasher.digest("hex")}` === entry.digest;
  } finally {
    closeSync(fd);
  }
}

/** Files, links and empty folders below a folder: as many as a pack of it would have entries. */
export function countEntries(root: string): number {
  return readdirSync(root, { withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isDirectory() ? countFolder(`${root}/${entry.name}`) : 1),
    0,
  );
}

/** An empty folder is an entry itself. */
function countFolder(dir: string): number {
  return countEntries(dir) || 1;
}
