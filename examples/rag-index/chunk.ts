// Pages to JSON arrays of pieces of at most N characters:  node chunk.ts --size=N IN OUT [IN OUT …]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** Cut after a sentence in the second half, else after a word, else where it is full. */
function chunksOf(text: string, size: number): readonly string[] {
  const half = Math.ceil(size / 2);
  const cut = new RegExp(
    `.{${half},${size}}(?<=[.!?])(?= |$)|.{1,${size}}(?= |$)|.{1,${size}}`,
    "gu",
  );
  const line = text.replace(/\s+/g, " ").trim();
  return (line.match(cut) ?? []).map((chunk) => chunk.trim());
}

const { values, positionals } = parseArgs({
  options: { size: { type: "string", default: "" } },
  allowPositionals: true,
});
for (let at = 0; at < positionals.length; at += 2) {
  const chunks = chunksOf(readFileSync(positionals[at] as string, "utf8"), Number(values.size));
  writeFileSync(positionals[at + 1] as string, JSON.stringify(chunks));
}
