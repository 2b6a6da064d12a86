import { availableParallelism } from "node:os";

/** Work below which starting a thread does not pay, in bytes of content. */
export const WORTH_THREADS: number = 32 * 2 ** 20;

/** More threads than this only wait for the disk. */
const MOST_HELPERS = 7;

/** How many threads are to help the calling one with so many bytes of content; at least one if it is to stay free. */
export function helpersFor(bytes: number, blocking: boolean): number {
  if (bytes < WORTH_THREADS) return 0;
  return Math.min(availableParallelism() - (blocking ? 1 : 0), MOST_HELPERS);
}
