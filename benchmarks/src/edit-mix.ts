import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Source } from "./corpus.ts";

/** What one edit of the mixed corpus did. */
export interface EditMix {
  /** Files that are not what they were, relative to the folder. */
  readonly files: readonly string[];
  /** Bytes that are new. */
  readonly bytes: number;
  /** Places that were edited, far from one another. */
  readonly regions: number;
}

const OVERWRITES = 10;
const INSERTIONS = 10;

/**
 * Edits a mixed corpus as an embedding job does that ran again with a little more: 1 % appended to the JSON lines, ten
 * pieces of 0.1 % of the vectors overwritten, a sentence inserted into ten texts. Each payload has its own places and
 * bytes.
 */
export function applyEditMix(folder: string, payload: number): EditMix {
  const source = new Source(1000 + payload);
  const lines = "chunks.jsonl";
  const vectors = "vectors.f32";
  const appended = Buffer.alloc(Math.round(statSync(join(folder, lines)).size / 100));
  source.jsonLines(appended);
  appendFileSync(join(folder, lines), appended);
  const overwritten = overwriteVectors(join(folder, vectors), source);
  const texts = textFiles(folder);
  const chosen = new Set<string>();
  let inserted = 0;
  while (chosen.size < Math.min(INSERTIONS, texts.length)) {
    const file = texts[source.below(texts.length)] ?? "";
    if (chosen.has(file)) continue;
    chosen.add(file);
    inserted += insertSentence(join(folder, file), source);
  }
  return {
    files: [lines, vectors, ...chosen],
    bytes: appended.length + overwritten + inserted,
    regions: 1 + OVERWRITES + chosen.size,
  };
}

function overwriteVectors(file: string, source: Source): number {
  const { size } = statSync(file);
  const piece = Buffer.alloc(Math.round(size / 1000 / 4) * 4);
  const fd = openSync(file, "r+");
  try {
    for (let i = 0; i < OVERWRITES; i++) {
      source.floats(piece);
      writeSync(fd, piece, 0, piece.length, source.below((size - piece.length) / 4) * 4);
    }
  } finally {
    closeSync(fd);
  }
  return piece.length * OVERWRITES;
}

function insertSentence(file: string, source: Source): number {
  const content = readFileSync(file);
  const at = source.below(content.length);
  const sentence = Buffer.alloc(60);
  source.text(sentence);
  writeFileSync(file, Buffer.concat([content.subarray(0, at), sentence, content.subarray(at)]));
  return sentence.length;
}

function textFiles(folder: string): string[] {
  return readdirSync(join(folder, "text"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".txt"))
    .map((name) => join("text", name))
    .sort();
}
