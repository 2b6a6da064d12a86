import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isTemporary } from "../file/write-whole.ts";
import { IMPORTED } from "./imported.ts";
import { isMirrorId } from "./mirror.ts";

const UNUSED_MS = 30 * 86_400_000;

/**
 * Removes the trust roots of a trust directory that nobody used for 30 days, those that were imported too. Only what we
 * made is looked at; what may not be removed stays. Gives back the names of what is gone.
 */
export async function pruneTrustDirectory(
  directory: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const entry of await entriesOf(directory)) {
    options.signal?.throwIfAborted();
    if (!entry.isDirectory() || !isMirrorId(entry.name)) continue;
    const folder = join(directory, entry.name);
    if (await removeUnused(folder, join(folder, "entry.json"))) removed.push(entry.name);
  }
  for (const entry of await entriesOf(join(directory, IMPORTED))) {
    options.signal?.throwIfAborted();
    const isOurs = /^[0-9a-f]{64}\.json$/.test(entry.name) || isTemporary(entry.name);
    if (!entry.isFile() || !isOurs) continue;
    const file = join(directory, IMPORTED, entry.name);
    if (await removeUnused(file, file)) removed.push(join(IMPORTED, entry.name));
  }
  return removed;
}

async function entriesOf(folder: string) {
  return await readdir(folder, { withFileTypes: true }).catch(() => []);
}

/** Whether it is gone: `used` is the file whose time says when it was used last. */
async function removeUnused(path: string, used: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(used);
    if (Date.now() - mtimeMs <= UNUSED_MS) return false;
    await rm(path, { recursive: true, force: true });
    return true;
  } catch {
    // Not one of ours, or not ours to remove.
    return false;
  }
}
