import { statfsSync } from "node:fs";
import { onDisk } from "../disk.ts";

const GB = 1e9;
/** Of the disk the store lies on. */
const SHARE = 0.2;
const MOST = 100 * GB;
const LEAST = 1 * GB;

/** What a store may take when nobody said: a fifth of its disk, at least 1 GB, at most 100 GB. In bytes. */
export function defaultBudget(dir: string): number {
  const { bsize, blocks } = onDisk("reading", dir, () => statfsSync(dir));
  return Math.round(Math.min(MOST, Math.max(LEAST, bsize * blocks * SHARE)));
}
