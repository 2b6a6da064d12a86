// Chunks with vectors to one SQLite file, for words and for vectors:  node index.ts FOLDER OUT
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { EmbeddedPage } from "./embed.ts";

const [from = "", to = ""] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
const database = new DatabaseSync(join(to, "index.db"));
database.exec(`
  CREATE TABLE embedding (model TEXT NOT NULL, dimensions INTEGER NOT NULL, UNIQUE (model, dimensions));
  CREATE TABLE chunk (id INTEGER PRIMARY KEY, document TEXT, page INTEGER, text TEXT, vector BLOB);
  CREATE VIRTUAL TABLE words USING fts5(text, content = 'chunk', content_rowid = 'id', tokenize = 'porter');
  BEGIN`);
const addEmbedding = database.prepare("INSERT OR IGNORE INTO embedding VALUES (?, ?)");
const addChunk = database.prepare(
  "INSERT INTO chunk (document, page, text, vector) VALUES (?, ?, ?, ?)",
);
// Sorted, so that the same pages are the same bytes.
for (const path of globSync("**/*.json", { cwd: from }).sort()) {
  const page: EmbeddedPage = JSON.parse(readFileSync(join(from, path), "utf8"));
  addEmbedding.run(page.model, page.dimensions);
  for (const { text, vector } of page.chunks) {
    const number = Number(basename(path, ".json"));
    addChunk.run(dirname(path), number, text, Buffer.from(vector, "base64"));
  }
}
database.exec("INSERT INTO words(words) VALUES ('rebuild'); COMMIT");
database.close();
