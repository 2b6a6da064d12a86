// Where something is said:  node query.ts INDEX WORDS
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const [index, words] = process.argv.slice(2);
// Quoted, as NOT and OR would mean something.
const quoted = (words?.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `"${word}"`);
if (!index || quoted.length === 0) throw new Error("usage: node query.ts INDEX WORDS");
const database = new DatabaseSync(join(index, "transcripts.db"), { readOnly: true });
const found = database
  .prepare(
    "SELECT recording, seconds, text FROM segment WHERE segment MATCH ? ORDER BY rank, rowid",
  )
  .all(quoted.join(" "));
for (const { recording, seconds, text } of found) {
  const [minute, second] = [Math.floor(Number(seconds) / 60), Math.floor(Number(seconds) % 60)];
  console.log(`${recording}, ${minute}:${String(second).padStart(2, "0")}: ${text}`);
}
database.close();
