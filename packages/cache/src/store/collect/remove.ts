import { lstatSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { rename } from "@ctxpack/oci";
import { clearingLeftover } from "../clear.ts";
import { isRefusal, systemCode, unlessMissing } from "../disk.ts";
import type { Parts } from "../parts.ts";
import { inSlices, slices } from "../slices.ts";
import type { CountedTree } from "./census.ts";
import type { CountedFile } from "./files.ts";
import type { DoomedPack, Plan } from "./plan.ts";

/** Removed in one turn of the store's lock: everybody who publishes waits meanwhile. */
const BATCH = 64;

/**
 * Removes what a plan says, in small steps, each of which looks again: what somebody has used since the census stays.
 * Packs go before their blobs, so that a kill at any instant leaves no pack without one; before them what belongs to no
 * pack, which makes room on a full disk. Returns the paths of what the disk refused to remove: it stays, and ends nothing.
 */
export async function remove(
  parts: Parts,
  plan: Pick<Plan, "packs" | "trees" | "orphans" | "blobs" | "contents" | "leftovers">,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const { signal } = options;
  const { packs, trees, orphans, blobs, contents, leftovers } = plan;
  const rest = slices(signal);
  const refused: string[] = [];
  const attempt = (path: string, work: () => boolean): boolean => {
    try {
      return work();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push(path);
      return false;
    }
  };
  const removeFiles = async (files: readonly CountedFile[]): Promise<void> => {
    for (const some of batches(files)) {
      // Under the lock, where whoever publishes a pack looks whether its blobs are there.
      await parts.database.exclusive(() => {
        for (const file of some) attempt(file.path, () => removeFile(file));
      }, signal);
      await turn();
    }
  };
  for (const { path } of leftovers) {
    signal?.throwIfAborted();
    if (!(await inSlices(clearingLeftover(path), rest))) refused.push(path);
    await turn();
  }
  await removeFiles(orphans);
  /** Blobs of packs that somebody has begun to use since the census. */
  const kept = new Set<number>();
  for (const some of batches(packs)) {
    await parts.database.exclusive(() => {
      for (const one of some) {
        const path = parts.places.record(one.pack.record.uri);
        if (attempt(path, () => removePack(parts, one))) continue;
        for (const id of one.pack.blobs ?? []) kept.add(id);
      }
    }, signal);
    await turn();
  }
  for (const { tree } of trees) {
    signal?.throwIfAborted();
    try {
      const left = await inSlices(removeTree(parts, tree), rest);
      if (left !== undefined) refused.push(left);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push(tree.path);
    }
    await turn();
  }
  await removeFiles([...blobs.filter(({ id }) => !kept.has(id)), ...contents]);
  return refused;
}

/** Whether the pack is gone: one that was used since, or is another one now, stays. */
function removePack(parts: Parts, { pack: { record } }: DoomedPack): boolean {
  const now = parts.records.get(record.uri);
  // A record that was damaged meanwhile is one that `fsck` may write again.
  if (now === undefined) return !parts.records.has(record.uri);
  if (now.pinned || now.usedAt !== record.usedAt) return false;
  if (now.manifest.digest !== record.manifest.digest) return false;
  parts.records.remove(record.uri);
  return true;
}

/** Out of sight in one rename, then entry by entry. Returns where the rest of it is when the disk refuses to remove it. */
function* removeTree(parts: Parts, tree: CountedTree): Generator<void, string | undefined, void> {
  if (usedMs(tree.path) !== tree.usedMs) return undefined;
  const aside = parts.workspace.aside();
  try {
    rename(tree.path, aside);
    // Handed out between the look and the rename: it goes back before anybody can have opened much.
    if (usedMs(aside) !== tree.usedMs) rename(aside, tree.path);
  } catch (error) {
    const code = systemCode(error);
    // Another process removes the same, or has made a new one meanwhile.
    if (code !== "ENOENT" && code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
  return (yield* clearingLeftover(aside)) ? undefined : aside;
}

function usedMs(wrapper: string): number | undefined {
  const made = unlessMissing(() => statSync(join(wrapper, "made.json")).mtimeMs);
  return made ?? unlessMissing(() => statSync(wrapper).mtimeMs);
}

/** Whether the file is gone: one that was used since stays. */
function removeFile(file: CountedFile & { readonly links?: number }): boolean {
  const stat = lstatSync(file.path, { throwIfNoEntry: false });
  if (stat === undefined) return true;
  const isAsSeen = file.links === undefined ? stat.mtimeMs === file.usedMs : stat.nlink === 1;
  if (isAsSeen) unlessMissing(() => unlinkSync(file.path));
  return isAsSeen;
}

function* batches<T>(things: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < things.length; at += BATCH) yield things.slice(at, at + BATCH);
}
