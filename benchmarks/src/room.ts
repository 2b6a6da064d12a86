import { statfsSync } from "node:fs";
import type { Bench } from "./question.ts";

/** Whether that many bytes can be written to a question's folder; if not, that is said. */
export function hasRoom(bench: Bench, what: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(bench.scratch);
  if (bavail * bsize >= bytes) return true;
  bench.note(`no room for ${what}: it needs ${(bytes / 1e9).toFixed(0)} GB; left out`);
  return false;
}
