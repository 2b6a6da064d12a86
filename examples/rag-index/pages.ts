// Texts to a file for each page that is not blank, FOLDER/manual.pdf.txt to OUT/manual.pdf/0001:  node pages.ts FOLDER OUT
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [from = "", to = ""] = process.argv.slice(2);
for (const path of globSync("**/*.txt", { cwd: from })) {
  const folder = join(to, path.replace(/\.txt$/, ""));
  mkdirSync(folder, { recursive: true });
  for (const [at, page] of readFileSync(join(from, path), "utf8").split("\f").entries()) {
    if (page.trim() !== "") writeFileSync(join(folder, String(at + 1).padStart(4, "0")), page);
  }
}
