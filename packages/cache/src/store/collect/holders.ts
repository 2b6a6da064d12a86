import { basename } from "node:path";
import { CtxPackError, type Digest, digestHex } from "@ctxpack/identity";
import {
  decompressIndex,
  type FileEntry,
  IndexReader,
  LIMITS,
  largestFrame,
  parsePackManifest,
} from "../../pack/index.ts";
import type { Parts } from "../parts.ts";
import { LEAST_SHARED } from "../pool.ts";
import type { PackRecord } from "../record.ts";
import { slices } from "../slices.ts";
import type { Census, CountedTree } from "./census.ts";

/**
 * Where blocks are shared, no content has links and the file system does not say who has it: the indexes of the folders'
 * packs do. What a folder has and the contents do not is its own. Elsewhere the census is right as it is.
 */
export async function countHolders(
  parts: Parts,
  census: Census,
  signal: AbortSignal | undefined,
): Promise<Census> {
  const { contents, packs } = census;
  const isTold = contents.some(({ links }) => links > 0);
  const mayHold = census.trees.filter(({ shared }) => shared > 0);
  if (isTold || mayHold.length === 0) return census;
  const rest = slices(signal);
  const rowOf = new Map(contents.map(({ path }, row) => [basename(path), row]));
  const links = new Uint32Array(contents.length);
  const records = new Map<Digest, PackRecord>();
  for (const { record, blobs } of packs) if (blobs !== undefined) records.set(record.tree, record);
  let isKnown = true;
  const trees = census.trees.filter(({ shared }) => shared === 0);
  for (const [digest, alike] of Map.groupBy(mayHold, ({ tree }) => tree)) {
    const record = records.get(digest);
    const index = record && indexOf(parts, record);
    isKnown &&= index !== undefined;
    let own = 0;
    for (const file of index === undefined ? [] : sharedFiles(index)) {
      const row = rowOf.get(nameOf(file));
      if (row === undefined) own += file.size;
      else links[row] = (links[row] as number) + alike.length;
      await rest();
    }
    // One of a part of the pack has no more of these than its marker says.
    for (const tree of alike) trees.push(withOwn(tree, Math.min(own, tree.shared)));
    await rest();
  }
  // A folder whose index cannot be read may have any of them.
  const least = isKnown ? 0 : 1;
  return {
    ...census,
    trees,
    contents: contents.map((content, row) => ({
      ...content,
      links: Math.max(least, links[row] as number),
    })),
  };
}

function withOwn(tree: CountedTree, own: number): CountedTree {
  return { ...tree, bytes: tree.bytes + own, shared: tree.shared - own };
}

function* sharedFiles(index: IndexReader): Iterable<FileEntry> {
  for (const entry of index.entries()) {
    if ("digest" in entry && entry.size >= LEAST_SHARED) yield entry;
  }
}

/** As the pool names it. */
function nameOf({ digest, exec }: FileEntry): string {
  return exec ? `${digestHex(digest)}.x` : digestHex(digest);
}

/** Damage is for `fsck` to name. */
function indexOf({ blobs }: Parts, { manifest }: PackRecord): IndexReader | undefined {
  try {
    const bytes = blobs.readSound(manifest.digest, LIMITS.manifest);
    if (bytes === undefined) return undefined;
    const { index } = parsePackManifest(bytes);
    const frame = blobs.readSound(index.digest, largestFrame(LIMITS.index));
    return frame && IndexReader.open(decompressIndex(frame));
  } catch (error) {
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}
