/** Longer than what glibc ever serves from its own heap, where memory that was given back may stay, in bytes. */
const MAPPED: number = 33 * 2 ** 20;

/**
 * How long to make a buffer for `size` bytes. For large ones as long as it takes to have it from the system, and back
 * there at once when it is released; what is not written to takes no memory.
 */
export function bufferSize(size: number): number {
  return size > MAPPED / 4 ? Math.max(size, MAPPED) : size;
}
