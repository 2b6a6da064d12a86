// HTML to the text that a reader sees:  node html-text.ts IN OUT [IN OUT …]
import { readFileSync, writeFileSync } from "node:fs";

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** Tags that end a line. */
const BLOCK = /<\/?(?:p|div|br|hr|h[1-6]|li|[uod]l|d[td]|t[rdh]|table|pre|blockquote)\b[^>]*>/gi;

/** What a page shows, a line a block; nothing of its head, scripts, comments and attributes. */
export function textOf(html: string): string {
  return html
    .replace(/<!--[\s\S]*?-->|<(head|script|style)\b[\s\S]*?<\/\1\s*>/gi, "")
    .replace(/\s+/g, " ")
    .replace(BLOCK, "\n")
    .replace(/<[^>]*>/g, "")
    .replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]+);/gi, (whole, name: string) =>
      charOf(name, whole),
    )
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n");
}

function charOf(name: string, whole: string): string {
  if (!name.startsWith("#")) return NAMED[name] ?? whole;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

if (import.meta.main) {
  const paths = process.argv.slice(2);
  for (let at = 0; at < paths.length; at += 2) {
    writeFileSync(paths[at + 1] as string, textOf(readFileSync(paths[at] as string, "utf8")));
  }
}
