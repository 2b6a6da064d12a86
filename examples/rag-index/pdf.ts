// Texts to PDFs:  node pdf.ts FOLDER OUT
//
// So that the example has documents: a line of `---` ends a page, every other line is a line of the page.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";

/** A PDF with these pages of Latin-1 text, in Helvetica of `points`; the same bytes for the same text. */
export function pdfOf(pages: readonly string[], points = 12): Uint8Array {
  // Objects 1 and 2 are the catalog and the list of pages, 3 is the font, then come two for each page.
  const ids = pages.map((_, at) => 4 + 2 * at);
  const kids = ids.map((id) => `${id} 0 R`).join(" ");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    FONT,
    ...pages.flatMap((page, at) => {
      const stream = shown(page, points);
      const rest = `/Contents ${5 + 2 * at} 0 R /Resources << /Font << /F1 3 0 R >> >>`;
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] ${rest} >>`,
        `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
      ];
    }),
  ];
  let file = "%PDF-1.4\n";
  const places = objects.map((object, at) => {
    const place = file.length;
    file += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return String(place).padStart(10, "0");
  });
  const table = places.map((place) => `${place} 00000 n \n`).join("");
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return Buffer.from(`${file}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, "latin1");
}

/** The operators that show a page's lines from the top. */
function shown(page: string, points: number): string {
  const lines = page
    .trim()
    .split("\n")
    .map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) '`);
  return `BT /F1 ${points} Tf ${1.5 * points} TL 60 760 Td ${lines.join(" ")} ET`;
}

if (import.meta.main) {
  const [from, to] = process.argv.slice(2);
  if (from === undefined || to === undefined) throw new Error("usage: node pdf.ts FOLDER OUT");
  mkdirSync(to, { recursive: true });
  for (const path of globSync("*.txt", { cwd: from })) {
    const pages = readFileSync(join(from, path), "utf8").split(/^---\n/m);
    writeFileSync(join(to, path.replace(/\.txt$/, ".pdf")), pdfOf(pages));
  }
}
