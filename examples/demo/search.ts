// Asks an index that `index-docs.ts` wrote:  node search.ts <index folder> <question>
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** One answer: where it stands and a passage with the words asked for. */
export interface Answer {
  readonly path: string;
  readonly heading: string;
  readonly passage: string;
  readonly related: readonly string[];
}

/** The best sections for `question` by BM25 (SQLite FTS5), with the sections most like the first. */
export function search(index: string, question: string, limit = 3): Answer[] {
  const database = new DatabaseSync(join(index, "index.db"), { readOnly: true });
  try {
    const words = question.match(/[\p{L}\p{N}_]+/gu) ?? [];
    const rows = database
      .prepare(
        `SELECT rowid, path, heading, snippet(section, 2, '', '', ' … ', 24) AS passage
         FROM section WHERE section MATCH ? ORDER BY bm25(section, 0, 4, 1), rowid LIMIT ?`,
      )
      .all(words.map((word) => `"${word}"`).join(" OR "), limit);
    const related = database.prepare(
      "SELECT heading FROM related JOIN section ON section.rowid = other WHERE related.section = ? ORDER BY related.rank",
    );
    return rows.map((row) => ({
      path: String(row["path"]),
      heading: String(row["heading"]),
      passage: String(row["passage"]).replace(/\s+/g, " "),
      related: related.all(row["rowid"] as number).map((other) => String(other["heading"])),
    }));
  } finally {
    database.close();
  }
}

function main([index, ...question]: string[]): void {
  if (index === undefined || question.length === 0) {
    throw new Error("usage: node search.ts <index> <question>");
  }
  for (const answer of search(index, question.join(" "))) {
    console.log(`${answer.path}: ${answer.heading}\n    ${answer.passage}`);
  }
}

if (import.meta.main) main(process.argv.slice(2));
