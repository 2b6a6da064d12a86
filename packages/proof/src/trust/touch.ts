import { stat, utimes } from "node:fs/promises";

const DAY_MS = 86_400_000;

/** Notes in a file's time that it was used, once a day: what is not used for long is removed. */
export async function touch(path: string): Promise<void> {
  try {
    const now = Date.now();
    if (now - (await stat(path)).mtimeMs > DAY_MS) await utimes(path, now / 1000, now / 1000);
  } catch {
    // Replaced or read-only: then it is somebody else's to keep.
  }
}
