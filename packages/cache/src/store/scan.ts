import { isUtf8 } from "node:buffer";
import { type BigIntStats, type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError } from "@ctxpack/identity";
import { Listing } from "../pack/index.ts";
import { onDisk, systemCode } from "./disk.ts";

/** The event loop gets a turn at least this often. */
const SLICE_MS = 10;

/** An output folder as it was seen: its entries, sealed, and the times of its folders. */
export interface Scan {
  readonly root: string;
  readonly listing: Listing;
  /** Throws `CTXPACK_E_TREE` when a folder has gained, lost or renamed an entry since. */
  unchanged(): void;
}

interface Folder {
  /** Relative to the root, `""` for the root itself. */
  readonly path: string;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}

/**
 * Lists an output as pack entries: files with their size and the owner's x bit, links as they are
 * (never followed), folders only where they are empty. Throws `CTXPACK_E_TREE` for what cannot be in a
 * pack, naming it.
 */
export async function scan(root: string, signal?: AbortSignal): Promise<Scan> {
  const listing = new Listing();
  const folders: Folder[] = [];
  const open = [""];
  let sliceEnds = performance.now() + SLICE_MS;
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    folders.push(scanFolder(root, path, listing, open));
    if (performance.now() > sliceEnds) {
      await turn();
      signal?.throwIfAborted();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
  listing.seal();
  return { root, listing, unchanged: () => expectUnchanged(root, folders) };
}

function scanFolder(root: string, path: string, listing: Listing, open: string[]): Folder {
  const full = absolute(root, path);
  const stat = listed(full, () => lstatSync(full, { bigint: true }));
  if (!stat.isDirectory()) throw changed(full, "is no longer a folder");
  const entries = listed(full, () =>
    readdirSync(full, { withFileTypes: true, encoding: "buffer" }),
  );
  if (entries.length === 0 && path !== "") listing.addDirectory(path);
  for (const entry of entries) addEntry(root, childPath(path, entry.name), entry, listing, open);
  return { path, mtimeNs: stat.mtimeNs, ino: stat.ino };
}

function addEntry(
  root: string,
  path: string,
  entry: Dirent<Buffer>,
  listing: Listing,
  open: string[],
): void {
  if (entry.isDirectory()) {
    open.push(path);
    return;
  }
  const full = absolute(root, path);
  if (entry.isSymbolicLink()) {
    const target = listed(full, () => readlinkSync(full, { encoding: "buffer" }));
    listing.addLink(path, decode(target, `the target of the link ${full}`));
    return;
  }
  const stat = listed(full, () => lstatSync(full));
  if (stat.isDirectory()) open.push(path);
  else if (stat.isFile())
    listing.addFile(path, stat.size, (stat.mode & 0o100) !== 0 ? { exec: true } : {});
  else throw noOutput(full, stat.isFIFO() ? "a FIFO" : stat.isSocket() ? "a socket" : "a device");
}

/** Looks at something that a folder was just seen to hold; EINVAL is a link that is none any more. */
function listed<T>(path: string, work: () => T): T {
  try {
    return onDisk("reading", path, work);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EINVAL") throw error;
    throw changed(path, "was removed or replaced while it was being packed");
  }
}

function expectUnchanged(root: string, folders: readonly Folder[]): void {
  for (const folder of folders) {
    const full = absolute(root, folder.path);
    const stat = statOrNothing(full);
    if (stat?.mtimeNs === folder.mtimeNs && stat.ino === folder.ino) continue;
    throw changed(full, "has changed while it was being packed");
  }
}

/** The error for a file or folder that did not hold still. */
export function changed(path: string, what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_TREE", `${path} ${what}`, {
    hint: "let whatever writes there finish, then seed again",
    details: { path },
  });
}

/** The path of an entry on this machine. */
export function absolute(root: string, path: string): string {
  return path === "" ? root : `${root}/${path}`;
}

function childPath(parent: string, name: Buffer): string {
  const text = decode(name, `a name in ${parent === "" ? "the folder" : parent}`);
  return parent === "" ? text : `${parent}/${text}`;
}

function decode(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new CtxPackError(
    "CTXPACK_E_TREE",
    `${what} is not UTF-8: ${JSON.stringify(bytes.toString("latin1"))}`,
    {
      hint: "rename it; paths in a pack are UTF-8",
    },
  );
}

function noOutput(path: string, kind: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_TREE",
    `${path} is ${kind}: a pack holds files, links and folders`,
    {
      hint: "remove it from the output",
      details: { path },
    },
  );
}

function statOrNothing(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
