// A text to a JSON array of pieces that overlap:  node chunks.ts [--size=N] IN OUT [IN OUT …]
import { readFileSync, writeFileSync } from "node:fs";

/** Characters; a tenth of a piece overlaps. */
const SIZE = 1000;

/** Pieces of at most `size` characters, each beginning a tenth of that before the one before it ended; words stay whole. */
export function chunksOf(text: string, size: number = SIZE): readonly string[] {
  const rest = text.trim();
  const chunks: string[] = [];
  let from = 0;
  while (from < rest.length) {
    const end =
      from + size < rest.length ? cutBefore(rest, from + size, from + size / 2) : rest.length;
    chunks.push(rest.slice(from, end).trim());
    if (end === rest.length) break;
    from = cutBefore(rest, end - size / 10, from + 1);
  }
  return chunks;
}

/** The last white space before `most`, unless that is before `least`. */
function cutBefore(text: string, most: number, least: number): number {
  for (let at = most; at > least; at--) if (/\s/.test(text[at] as string)) return at;
  return most;
}

if (import.meta.main) {
  const words = process.argv.slice(2);
  const paths = words.filter((word) => !word.startsWith("--size="));
  const size = Number(words.find((word) => word.startsWith("--size="))?.slice(7) ?? SIZE);
  for (let at = 0; at < paths.length; at += 2) {
    const chunks = chunksOf(readFileSync(paths[at] as string, "utf8"), size);
    writeFileSync(paths[at + 1] as string, JSON.stringify(chunks));
  }
}
