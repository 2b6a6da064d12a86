// Stage 2, text to vectors:  node embed.ts <folder of text> <output folder>
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DIMENSIONS = 64;

/** A tiny deterministic model: a bag of words, each hashed (FNV-1a) to one of 64 signed dimensions, of length 1. */
export function embed(text: string): number[] {
  const vector = new Array<number>(DIMENSIONS).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let hash = 0x811c9dc5;
    for (const letter of word)
      hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    const slot = hash % DIMENSIONS;
    vector[slot] = (vector[slot] ?? 0) + (hash & 0x80000000 ? -1 : 1);
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function main([from, to]: string[]): void {
  if (from === undefined || to === undefined) throw new Error("usage: node embed.ts <text> <out>");
  mkdirSync(to, { recursive: true });
  const lines = globSync("**/*.txt", { cwd: from })
    .sort()
    .map((path) => JSON.stringify({ path, vector: embed(readFileSync(join(from, path), "utf8")) }));
  writeFileSync(join(to, "vectors.jsonl"), `${lines.join("\n")}\n`);
}

if (import.meta.main) main(process.argv.slice(2));
