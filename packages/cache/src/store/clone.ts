import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Folder } from "./folder.ts";
import type { HeldPack } from "./held.ts";
import type { Parts } from "./parts.ts";
import { hasTree } from "./trees.ts";
import { findDamage } from "./verify.ts";

/** What of a pack is cloned. */
export interface CloneOptions {
  readonly only?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fills a folder with clones of the store's materialised files: nothing is decompressed or written, the
 * blocks are shared. Returns false, having given the folder no file, when the tree is not materialised or
 * not whole (every file is hashed first), or when the file system cannot clone.
 */
export async function clone(
  parts: Parts,
  pack: HeldPack,
  folder: Folder,
  options: CloneOptions,
): Promise<boolean> {
  if (!hasTree(parts, pack.record)) return false;
  const root = join(parts.places.tree(pack.record.tree), "files");
  const chosen = (path: string): boolean => options.only?.(path) ?? true;
  const probe = firstFile(pack, chosen);
  if (probe === undefined || !folder.canClone(`${root}/${probe}`)) return false;
  if ((await findDamage(root, pack.index, options)) !== undefined) return false;
  let row = 0;
  for (const entry of pack.index.entries()) {
    if (!chosen(entry.path)) continue;
    if ("dir" in entry) folder.directory(entry.path);
    else if ("link" in entry) folder.link(entry.path, entry.link);
    else folder.clone(entry, `${root}/${entry.path}`);
    row += 1;
    if (row % 256 !== 0) continue;
    await turn();
    options.signal?.throwIfAborted();
  }
  return true;
}

function firstFile(pack: HeldPack, chosen: (path: string) => boolean): string | undefined {
  for (const entry of pack.index.entries()) {
    if ("digest" in entry && chosen(entry.path)) return entry.path;
  }
  return undefined;
}
