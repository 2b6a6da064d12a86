import { statSync, utimesSync } from "node:fs";

const HOUR_MS = 3_600_000;

/** Sets a file's time to now if it is more than an hour old. */
export function touch(path: string, nowMs: number): void {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || nowMs - stat.mtimeMs < HOUR_MS) return;
    utimesSync(path, new Date(nowMs), new Date(nowMs));
  } catch {
    // Only the order in which packs are evicted depends on it.
  }
}
