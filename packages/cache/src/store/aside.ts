import { readdirSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { SeedOptions, SeedResult } from "./seed.ts";
import { WORTH_THREADS } from "./threads/helpers.ts";
import { seedInThread } from "./threads/seed-thread.ts";

/** More files than this take long to list and to sort. */
const MANY_FILES = 5000;

/**
 * Makes a pack of a large folder in a thread of its own, so that the calling one's event loop stays free. `undefined`
 * for a folder that takes no longer than a few turns of the loop, or when no thread can be started.
 */
export async function seedAside(
  store: string,
  dir: string,
  contract: Uint8Array,
  options: SeedOptions,
): Promise<SeedResult | undefined> {
  if (!(await isLarge(dir, options.signal))) return undefined;
  return seedInThread({ store, dir, contract }, options);
}

/** Whether a folder has much in it; looks no further than it takes to know. What cannot be read is not large. */
async function isLarge(dir: string, signal: AbortSignal | undefined): Promise<boolean> {
  const open = [dir];
  let files = 0;
  let bytes = 0;
  try {
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      signal?.throwIfAborted();
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory()) open.push(path);
        if (!entry.isFile()) continue;
        files += 1;
        bytes += statSync(path).size;
        if (files > MANY_FILES || bytes > WORTH_THREADS) return true;
      }
      await turn();
    }
  } catch {
    signal?.throwIfAborted();
  }
  return false;
}
