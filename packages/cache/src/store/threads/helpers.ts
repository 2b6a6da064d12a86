import { availableParallelism } from "node:os";

/** Work below which starting a thread does not pay, in bytes of content. */
const WORTH_THREADS = 32 * 2 ** 20;

/** More threads than this only wait for the disk. */
const MOST_HELPERS = 7;

/** How many threads are to help the calling one with so many bytes of content. */
export function helpersFor(bytes: number): number {
  if (bytes < WORTH_THREADS) return 0;
  return Math.min(availableParallelism() - 1, MOST_HELPERS);
}
