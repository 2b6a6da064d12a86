/** Bytes that all downloads of the process may hold at once before somebody takes them: 64 MiB. */
const BUDGET = 64 << 20;

let free = BUDGET;

/**
 * Takes `bytes` of the one budget, or says no. Who gets no has to make do with one range at a time: so a reader
 * that was left lying never keeps others from going on.
 */
export function takeMemory(bytes: number): boolean {
  if (bytes > free) return false;
  free -= bytes;
  return true;
}

export function giveMemory(bytes: number): void {
  free += bytes;
}
