/**
 * Gives the memory of a large buffer back at once, for whoever made it and is done with it: the next one of its size
 * then takes the same pages, while the garbage collector would let dozens of megabytes pile up first. The buffer is
 * empty afterwards. Small ones are left: they may lie in a pool with others.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 2 * Buffer.poolSize) buffer.transfer(0);
}
