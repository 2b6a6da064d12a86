// Transcripts to one SQLite file that is searched by words:  node index.ts FOLDER OUT
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Segment } from "./decode.ts";

const [from = "", to = ""] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
const database = new DatabaseSync(join(to, "transcripts.db"));
database.exec(`
  CREATE VIRTUAL TABLE segment USING fts5(recording UNINDEXED, seconds UNINDEXED, text, tokenize = 'porter');
  BEGIN`);
const add = database.prepare("INSERT INTO segment VALUES (?, ?, ?)");
for (const path of globSync("**/*.json", { cwd: from }).sort()) {
  const { segments } = JSON.parse(readFileSync(join(from, path), "utf8")) as {
    readonly segments: readonly Segment[];
  };
  for (const { start, text } of segments) add.run(path.replace(/\.json$/, ""), start, text);
}
database.exec("COMMIT");
database.close();
