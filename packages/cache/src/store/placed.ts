import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { CtxPackError, type CtxUri, type FileDigests, hashFile } from "@ctxpack/identity";
import type { Entry } from "../pack/index.ts";
import { unlessMissing } from "./disk.ts";
import { openPack } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { noPack } from "./records.ts";
import { clearStale } from "./staging.ts";
import { countEntries } from "./verify.ts";

/** What is compared. */
export interface PlacedOptions {
  /** Only this entry, or what lies below it. Path as in the index. */
  readonly part?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Selects an entry and what lies below it. */
export function inPart(part: string): (path: string) => boolean {
  const below = `${part}/`;
  return (path) => path === part || path.startsWith(below);
}

/** `Store.isPlaced`. */
export async function isPlaced(
  parts: Parts,
  uri: CtxUri,
  path: string,
  options: PlacedOptions & { readonly digests: FileDigests },
): Promise<boolean> {
  options.signal?.throwIfAborted();
  const stat = unlessMissing(() => lstatSync(path));
  if (stat === undefined) return false;
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined || record.partial) throw noPack(uri, parts.places.dir);
  const { index } = openPack(parts, record);
  const { part } = options;
  const isWanted = part === undefined ? () => true : inPart(part);
  // Digests are remembered by the paths that links lead to.
  const root = stat.isDirectory() ? realpathSync(path) : path;
  let count = 0;
  let isEntry = false;
  for (const entry of index.entries()) {
    if (!isWanted(entry.path)) continue;
    count += 1;
    isEntry ||= entry.path === part;
    const place =
      part === undefined ? `${root}/${entry.path}` : root + entry.path.slice(part.length);
    if (!(await matches(place, entry, options))) return false;
  }
  if (part !== undefined && count === 0) return false;
  // Of a part that is no entry itself, and of a whole pack, it is a folder.
  if (!isEntry && !stat.isDirectory()) return false;
  const found = stat.isDirectory() ? unlessMissing(() => countEntries(path)) : 0;
  if (found !== (isEntry ? 0 : count)) return false;
  // What a killed copy has left beside it is cleared by whoever comes by.
  clearStale(path);
  return true;
}

async function matches(
  path: string,
  entry: Entry,
  { digests, signal }: PlacedOptions & { readonly digests: FileDigests },
): Promise<boolean> {
  try {
    const stat = lstatSync(path, { bigint: true });
    if ("link" in entry) return stat.isSymbolicLink() && readlinkSync(path) === entry.link;
    if ("dir" in entry) return stat.isDirectory();
    if (!stat.isFile() || Number(stat.size) !== entry.size) return false;
    const isExecutable = (stat.mode & 0o100n) !== 0n;
    if (process.platform !== "win32" && isExecutable !== (entry.exec === true)) return false;
    // What is known needs no other look: there may be ten thousand.
    const known = digests.get(path, stat);
    if (known !== undefined) return `sha256:${known}` === entry.digest;
    return (await hashFile(path, { digests, signal })).digest === entry.digest;
  } catch (error) {
    signal?.throwIfAborted();
    // Gone, not readable, or changing: not what was put there.
    if (!CtxPackError.isInstance(error) && !(error instanceof Error && "syscall" in error))
      throw error;
    return false;
  }
}
