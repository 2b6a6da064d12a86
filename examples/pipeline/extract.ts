// Stage 1, Markdown to text:  node extract.ts <folder of Markdown> <output folder>
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a reader sees of a Markdown text: no comments, marks, addresses of links or line breaks of the author's. */
export function textOf(markdown: string): string {
  return markdown
    .replace(/^---\n[\s\S]*?\n---\n/, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\s{0,3}(?:#{1,6}|[-*+]|>)\s+/gm, "")
    .replace(/[*_`]{1,3}/g, "")
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .join("\n");
}

function main([from, to]: string[]): void {
  if (from === undefined || to === undefined)
    throw new Error("usage: node extract.ts <docs> <out>");
  for (const path of globSync("**/*.md", { cwd: from }).sort()) {
    const file = join(to, path.replace(/\.md$/, ".txt"));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, textOf(readFileSync(join(from, path), "utf8")));
  }
}

if (import.meta.main) main(process.argv.slice(2));
