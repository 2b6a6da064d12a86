// PDFs to texts whose pages end in a form feed, as pdftotext writes them:  node extract.ts IN OUT [IN OUT …]
import { readFileSync, writeFileSync } from "node:fs";
import { extractText } from "unpdf";

const paths = process.argv.slice(2);
for (let at = 0; at < paths.length; at += 2) {
  const pdf = new Uint8Array(readFileSync(paths[at] as string));
  const { text: pages } = await extractText(pdf, { mergePages: false });
  writeFileSync(paths[at + 1] as string, pages.map((page) => `${page}\n\f`).join(""));
}
