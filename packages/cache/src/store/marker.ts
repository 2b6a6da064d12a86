import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rename } from "@ctxpack/oci";
import type { FileEntry, IndexReader } from "../pack/index.ts";
import { onDisk } from "./disk.ts";
import type { Parts } from "./parts.ts";
import { LEAST_SHARED } from "./pool.ts";

const SCHEMA = "ctxpack.tree/v1";
/** Files that a hit by path looks at, at most (DESIGN §6: up to 256): a look takes over a microsecond, a hit 0.2 ms. */
const SAMPLE = 96;

/** What is written beside the files of a materialised tree. */
export interface Marker {
  /** The boot in which the files were written; after another one the disk may have lost some. */
  readonly boot: string;
  /** The files have been read back whole after a reboot. */
  readonly durable: boolean;
  /** What the files that no other tree shares take on disk, in bytes; an estimate. */
  readonly own: number;
  /** Sizes of the files that other trees may share, in bytes. */
  readonly shared: number;
  /** Files spread evenly over the tree: path, size in bytes, mtime in nanoseconds. */
  readonly sample: readonly (readonly [path: string, size: number, mtimeNs: string])[];
}

/** What a new marker says, and for which of the files. */
export interface MarkerFacts extends Pick<Marker, "boot" | "durable"> {
  readonly only?: ((path: string) => boolean) | undefined;
}

/** Whether the tree has its marker, was whole in this boot or on disk, and its sample is untouched. */
export function isIntact(wrapper: string, boot: string): boolean {
  const marker = readMarker(wrapper);
  if (marker === undefined || (!marker.durable && marker.boot !== boot)) return false;
  return marker.sample.every(([path, size, mtimeNs]) => isUntouched(wrapper, path, size, mtimeNs));
}

/** The marker, unless it is missing or damaged. */
export function readMarker(wrapper: string): Marker | undefined {
  try {
    const value = JSON.parse(readFileSync(join(wrapper, "made.json"), "utf8"));
    const isMarker =
      value.schema === SCHEMA && typeof value.boot === "string" && Array.isArray(value.sample);
    return isMarker ? (value as Marker) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the marker of a tree whose files are known to be right. */
export function writeMarker(
  parts: Parts,
  wrapper: string,
  index: IndexReader,
  facts: MarkerFacts,
): void {
  const { boot, durable, only } = facts;
  const { picked, ...weights } = survey(index, only);
  const sample = picked.map(({ path, size }) => {
    const stat = lstatSync(join(wrapper, "files", path), { bigint: true });
    return [path, size, String(stat.mtimeNs)];
  });
  const temporary = parts.workspace.path();
  const path = join(wrapper, "made.json");
  onDisk("writing", path, () => {
    writeFileSync(temporary, JSON.stringify({ schema: SCHEMA, boot, durable, ...weights, sample }));
    rename(temporary, path);
  });
}

function isUntouched(wrapper: string, path: string, size: number, mtimeNs: string): boolean {
  try {
    // Not `join`, which takes as long as a look at the file. Node takes `/` on every platform.
    const stat = lstatSync(`${wrapper}/files/${path}`, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return false;
    return stat.size === BigInt(size) && stat.mtimeNs === BigInt(mtimeNs);
  } catch {
    return false;
  }
}

/** One pass over the files: what they weigh, and every k-th of them, `SAMPLE` at most. */
function survey(
  index: IndexReader,
  only?: (path: string) => boolean,
): Pick<Marker, "own" | "shared"> & { picked: FileEntry[] } {
  let own = 0;
  let shared = 0;
  let count = 0;
  let step = 1;
  let picked: number[] = [];
  for (let row = 0; row < index.count; row++) {
    const size = index.size(row);
    if (size === 0 && index.kind(row) !== "file") continue;
    if (only !== undefined && !only(index.path(row))) continue;
    // Whole blocks, as most file systems give them out.
    if (size < LEAST_SHARED) own += Math.ceil(size / 4096) * 4096;
    else shared += size;
    if (count++ % step !== 0) continue;
    picked.push(row);
    if (picked.length <= SAMPLE) continue;
    // Twice as far apart from here on, and so far.
    step *= 2;
    picked = picked.filter((_, i) => i % 2 === 0);
  }
  return { own, shared, picked: picked.map((row) => index.entry(row) as FileEntry) };
}
