import { statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import type { Places } from "./places.ts";

const HOUR_MS = 3_600_000;

/** Sets a file's time to now if it is more than an hour old. */
export function touch(path: string, nowMs: number): void {
  ifItCan(() => renew(path, nowMs));
}

/** Notes that a pack is in use: in its record's time, and then in its shelf's, which says that something there changed. */
export function touchRecord(places: Places, uri: CtxUri): void {
  const path = places.record(uri);
  const nowMs = Date.now();
  ifItCan(() => {
    if (renew(path, nowMs)) setTime(dirname(path), nowMs);
  });
}

/** Whether the file was that old. */
function renew(path: string, nowMs: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || nowMs - stat.mtimeMs < HOUR_MS) return false;
  setTime(path, nowMs);
  return true;
}

function setTime(path: string, nowMs: number): void {
  utimesSync(path, new Date(nowMs), new Date(nowMs));
}

function ifItCan(work: () => void): void {
  try {
    work();
  } catch {
    // Only the order in which packs are evicted depends on it, and what a listing says of their last use.
  }
}
