import { lstatSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { clearing } from "../clear.ts";
import { systemCode, unlessMissing } from "../disk.ts";
import type { Parts } from "../parts.ts";
import { rename } from "../rename.ts";
import { inSlices, slices } from "../slices.ts";
import type { CountedTree } from "./census.ts";
import type { CountedFile } from "./files.ts";
import type { DoomedPack, Plan } from "./plan.ts";

/** Removed in one turn of the store's lock: everybody who publishes waits meanwhile. */
const BATCH = 64;

/**
 * Removes what a plan says, in small steps, each of which looks again: what somebody has used since the census stays.
 * Packs go before their blobs, so that a kill at any instant leaves no pack without one.
 */
export async function remove(
  parts: Parts,
  plan: Pick<Plan, "packs" | "trees" | "orphans" | "blobs" | "contents" | "leftovers">,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = options;
  const { packs, trees, orphans, blobs, contents, leftovers } = plan;
  const rest = slices(signal);
  /** Blobs of packs that somebody has begun to use since the census. */
  const kept = new Set<number>();
  for (const some of batches(packs)) {
    await parts.database.exclusive(() => {
      for (const one of some) {
        if (removePack(parts, one)) continue;
        for (const id of one.pack.blobs ?? []) kept.add(id);
      }
    }, signal);
    await turn();
  }
  for (const { tree } of trees) {
    signal?.throwIfAborted();
    await inSlices(removeTree(parts, tree), rest);
    await turn();
  }
  for (const { path } of leftovers) {
    signal?.throwIfAborted();
    await inSlices(clearing(path), rest);
    await turn();
  }
  const freed = blobs.filter(({ id }) => !kept.has(id));
  for (const some of batches([...orphans, ...freed, ...contents])) {
    // Under the lock, where whoever publishes a pack looks whether its blobs are there.
    await parts.database.exclusive(() => some.forEach(removeFile), signal);
    await turn();
  }
}

/** Whether the pack is gone: one that was used since, or is another one now, stays. */
function removePack(parts: Parts, { pack: { record } }: DoomedPack): boolean {
  const now = parts.records.get(record.uri);
  if (now === undefined) return true;
  if (now.pinned || now.usedAt !== record.usedAt) return false;
  if (now.manifest.digest !== record.manifest.digest) return false;
  parts.records.remove(record.uri);
  return true;
}

/** Out of sight in one rename, then entry by entry. */
function* removeTree(parts: Parts, tree: CountedTree): Generator<void, void, void> {
  if (usedMs(tree.path) !== tree.usedMs) return;
  const aside = parts.workspace.path();
  try {
    rename(tree.path, aside);
    // Handed out between the look and the rename: it goes back before anybody can have opened much.
    if (usedMs(aside) !== tree.usedMs) rename(aside, tree.path);
  } catch (error) {
    const code = systemCode(error);
    // Another process removes the same, or has made a new one meanwhile.
    if (code !== "ENOENT" && code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
  yield* clearing(aside);
}

function usedMs(wrapper: string): number | undefined {
  const made = unlessMissing(() => statSync(join(wrapper, "made.json")).mtimeMs);
  return made ?? unlessMissing(() => statSync(wrapper).mtimeMs);
}

function removeFile(file: CountedFile & { readonly links?: number }): void {
  const stat = lstatSync(file.path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const isAsSeen = file.links === undefined ? stat.mtimeMs === file.usedMs : stat.nlink === 1;
  if (!isAsSeen) return;
  unlessMissing(() => unlinkSync(file.path));
}

function* batches<T>(things: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < things.length; at += BATCH) yield things.slice(at, at + BATCH);
}
