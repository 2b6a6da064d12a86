// Chunks to vectors, 256 floats each, little-endian:  node embed.ts [--dimensions=N] IN OUT [IN OUT …]
//
// No weights of a model are on this machine: words and pairs of words are hashed (FNV-1a) to signed dimensions. It is
// deterministic and finds words again, and that is all it shares with an embedding model; it is also much faster.
import { readFileSync, writeFileSync } from "node:fs";

export const DIMENSIONS = 256;

/** A vector of length 1; of a text without words zeros. */
export function embed(text: string, dimensions: number = DIMENSIONS): Float32Array {
  const vector = new Float32Array(dimensions);
  let before = "";
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []) {
    add(vector, word);
    if (before !== "") add(vector, `${before} ${word}`);
    before = word;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function add(vector: Float32Array, feature: string): void {
  let hash = 0x811c9dc5;
  for (let at = 0; at < feature.length; at++) {
    hash = Math.imul(hash ^ feature.charCodeAt(at), 0x01000193) >>> 0;
  }
  const slot = hash % vector.length;
  vector[slot] = (vector[slot] as number) + (hash & 0x80000000 ? -1 : 1);
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  const paths = words.filter((word) => !word.startsWith("--dimensions="));
  const flag = words.find((word) => word.startsWith("--dimensions="));
  const dimensions = Number(flag?.slice("--dimensions=".length) ?? DIMENSIONS);
  for (let at = 0; at < paths.length; at += 2) {
    const chunks: readonly string[] = JSON.parse(readFileSync(paths[at] as string, "utf8"));
    const vectors = new Float32Array(chunks.length * dimensions);
    for (const [row, chunk] of chunks.entries())
      vectors.set(embed(chunk, dimensions), row * dimensions);
    writeFileSync(paths[at + 1] as string, new Uint8Array(vectors.buffer));
  }
}
