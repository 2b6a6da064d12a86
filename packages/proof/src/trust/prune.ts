import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMirrorId } from "./mirror.ts";

const UNUSED_MS = 30 * 86_400_000;

/**
 * Removes the trust roots of a trust directory that nobody used for 30 days. Only folders that we made are looked at; what
 * may not be removed stays. Gives back the names of those that are gone.
 */
export async function pruneTrustDirectory(
  directory: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly string[]> {
  const removed: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    options.signal?.throwIfAborted();
    if (!entry.isDirectory() || !isMirrorId(entry.name)) continue;
    const folder = join(directory, entry.name);
    try {
      const { mtimeMs } = await stat(join(folder, "entry.json"));
      if (Date.now() - mtimeMs <= UNUSED_MS) continue;
      await rm(folder, { recursive: true, force: true });
      removed.push(entry.name);
    } catch {
      // Not one of ours, or not ours to remove.
    }
  }
  return removed;
}
