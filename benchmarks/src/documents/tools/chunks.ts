// A text to a JSON array of pieces that overlap:  node chunks.ts IN OUT [IN OUT …]
import { readFileSync, writeFileSync } from "node:fs";

/** Characters. */
const SIZE = 1000;
const OVERLAP = 100;

/** Pieces of at most a thousand characters, each beginning a hundred before the one before it ended; words stay whole. */
export function chunksOf(text: string): readonly string[] {
  const rest = text.trim();
  const chunks: string[] = [];
  let from = 0;
  while (from < rest.length) {
    const end =
      from + SIZE < rest.length ? cutBefore(rest, from + SIZE, from + SIZE / 2) : rest.length;
    chunks.push(rest.slice(from, end).trim());
    if (end === rest.length) break;
    from = cutBefore(rest, end - OVERLAP, from + 1);
  }
  return chunks;
}

/** The last white space before `most`, unless that is before `least`. */
function cutBefore(text: string, most: number, least: number): number {
  for (let at = most; at > least; at--) if (/\s/.test(text[at] as string)) return at;
  return most;
}

if (import.meta.main) {
  const paths = process.argv.slice(2);
  for (let at = 0; at < paths.length; at += 2) {
    const chunks = chunksOf(readFileSync(paths[at] as string, "utf8"));
    writeFileSync(paths[at + 1] as string, JSON.stringify(chunks));
  }
}
