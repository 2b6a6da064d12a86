import { hash } from "node:crypto";

/**
 * A stand-in for an embedding model: every word, and its first four letters, adds 1 or −1 to one of the dimensions, by its
 * hash. Deterministic, local and fast. It finds the same words again and knows nothing of what they mean.
 */
export function hashedWords(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []) {
    for (const feature of [word, `${word.slice(0, 4)}…`]) {
      const digest = hash("sha256", feature, "buffer");
      const slot = digest.readUInt32LE(0) % dimensions;
      vector[slot] = (vector[slot] ?? 0) + ((digest[4] ?? 0) & 1 ? 1 : -1);
    }
  }
  return vector;
}
