// Texts to a file for each of their pages, which a form feed ends:  node pages.ts FOLDER OUT
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The pages of a text that are not blank, with their numbers. */
export function pagesOf(text: string): readonly (readonly [number, string])[] {
  return text
    .split("\f")
    .map((page, at) => [at + 1, page] as const)
    .filter(([, page]) => page.trim() !== "");
}

if (import.meta.main) {
  const [from = "", to = ""] = process.argv.slice(2);
  for (const path of globSync("**/*.txt", { cwd: from }).sort()) {
    const folder = join(to, path.replace(/\.txt$/, ""));
    mkdirSync(folder, { recursive: true });
    for (const [number, page] of pagesOf(readFileSync(join(from, path), "utf8"))) {
      writeFileSync(join(folder, `${String(number).padStart(4, "0")}.txt`), page);
    }
  }
}
