import { isUtf8 } from "node:buffer";
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, compareBytewise } from "@ctxpack/identity";
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

export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears of every file: its row, its state, and how many bytes of content there are so far. */
  readonly onFile?: ((row: number, stat: BigIntStats, bytes: number) => void) | undefined;
}

interface SeenFolder {
  /** Relative to the root, `""` for the root itself. */
  readonly path: string;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}

/**
 * Lists an output as pack entries: files with their size and the owner's x bit, links as they are
 * (never followed), folders only where they are empty. Throws `CTXPACK_E_TREE` for what cannot be in a pack, naming it.
 */
export async function scan(root: string, { signal, onFile }: ScanOptions = {}): Promise<Scan> {
  const listing = new Listing();
  const seen: SeenFolder[] = [];
  const open = [openFolder(root, "", seen)];
  let sliceEnds = performance.now() + SLICE_MS;
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    const step = nextOf(folder);
    if (step === undefined) {
      open.pop();
    } else if (step.isFolder) {
      const path = childPath(folder.path, step.name);
      const child = openFolder(root, path, seen);
      if (child.names.length === 0) listing.addDirectory(path);
      else open.push(child);
    } else {
      const file = addEntry(root, folder, step.name, listing);
      // Entries come sorted: the row is that of the sealed listing.
      if (file !== undefined) onFile?.(listing.count - 1, file, listing.bytes);
    }
    if (performance.now() > sliceEnds) {
      await turn();
      signal?.throwIfAborted();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
  listing.seal();
  return { root, listing, unchanged: () => expectUnchanged(root, seen) };
}

/** A folder that is being listed. */
interface OpenFolder {
  readonly path: string;
  /** Sorted bytewise. */
  readonly names: readonly string[];
  next: number;
  /** Folders in it whose turn has not come, sorted as their entries are. */
  readonly folders: string[];
}

function openFolder(root: string, path: string, seen: SeenFolder[]): OpenFolder {
  const full = absolute(root, path);
  const stat = listed(full, () => lstatSync(full, { bigint: true }));
  if (!stat.isDirectory()) throw changed(full, "is no longer a folder");
  const names = listed(full, () => readdirSync(full));
  // What is no UTF-8 comes with this character in its place.
  if (names.some((name) => name.includes("\ufffd"))) {
    for (const name of listed(full, () => readdirSync(full, { encoding: "buffer" }))) {
      expectUtf8(name, `a name in ${path === "" ? "the folder" : path}`);
    }
  }
  seen.push({ path, mtimeNs: stat.mtimeNs, ino: stat.ino });
  return { path, names: names.sort(compareBytewise), next: 0, folders: [] };
}

/**
 * The next name, so that entries come sorted by path and need not be sorted as a whole: what is below a folder comes
 * as if its name ended with a slash, after `a.txt` and before `a0`.
 */
function nextOf(open: OpenFolder): { name: string; isFolder: boolean } | undefined {
  const name = open.names[open.next];
  const [folder] = open.folders;
  if (folder !== undefined && (name === undefined || compareBytewise(`${folder}/`, name) < 0)) {
    open.folders.shift();
    return { name: folder, isFolder: true };
  }
  if (name === undefined) return undefined;
  open.next += 1;
  return { name, isFolder: false };
}

/** Lists a name, unless it is a folder, whose turn comes later. Returns what was seen of a file. */
function addEntry(
  root: string,
  open: OpenFolder,
  name: string,
  listing: Listing,
): BigIntStats | undefined {
  const path = childPath(open.path, name);
  const full = absolute(root, path);
  const stat = listed(full, () => lstatSync(full, { bigint: true }));
  if (stat.isFile()) {
    listing.addFile(path, Number(stat.size), isExecutable(stat) ? { exec: true } : {});
    return stat;
  }
  if (stat.isDirectory()) {
    open.folders.push(name);
    // Mostly there is one at a time.
    if (open.folders.length > 1) {
      open.folders.sort((a, b) => compareBytewise(`${a}/`, `${b}/`));
    }
  } else if (stat.isSymbolicLink()) {
    const target = listed(full, () => readlinkSync(full, { encoding: "buffer" }));
    expectUtf8(target, `the target of the link ${full}`);
    listing.addLink(path, target.toString("utf8"));
  } else {
    throw noOutput(full, stat.isFIFO() ? "a FIFO" : stat.isSocket() ? "a socket" : "a device");
  }
  return undefined;
}

/** The owner's x bit. */
export function isExecutable(stat: BigIntStats): boolean {
  return (stat.mode & 0o100n) !== 0n;
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

function expectUnchanged(root: string, folders: readonly SeenFolder[]): void {
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

function childPath(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}

function expectUtf8(bytes: Buffer, what: string): void {
  if (isUtf8(bytes)) return;
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
