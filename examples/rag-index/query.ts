// Asks an index, by words and by vectors:  node query.ts INDEX QUESTION
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { embed } from "./embed.ts";

const ANSWERS = 3;
/** How many of each ranking count. */
const DEPTH = 20;

const [index, question] = process.argv.slice(2);
if (!index || !question) throw new Error("usage: node query.ts INDEX QUESTION");
const database = new DatabaseSync(join(index, "index.db"), { readOnly: true });

/** Ids of chunks with words of the question, the best first (BM25). */
function byWords(text: string): readonly number[] {
  const words = (text.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `"${word}"`);
  if (words.length === 0) return [];
  return database
    .prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid LIMIT ?")
    .all(words.join(" OR "), DEPTH)
    .map(({ rowid }) => Number(rowid));
}

/** Ids of the chunks whose vectors are nearest. The question is embedded as the chunks were: the index says how. */
async function byVectors(text: string): Promise<readonly number[]> {
  const by = database.prepare("SELECT model, dimensions FROM embedding").get();
  if (by === undefined) return [];
  const how = { model: String(by["model"]), dimensions: Number(by["dimensions"]) };
  const [wanted = new Float32Array()] = await embed([text], how, AbortSignal.timeout(60_000));
  return database
    .prepare("SELECT id, vector FROM chunk")
    .all()
    .map(({ id, vector }) => {
      const floats = new Float32Array(Uint8Array.from(vector as Uint8Array).buffer);
      return {
        id: Number(id),
        score: floats.reduce((sum, v, at) => sum + v * (wanted[at] ?? 0), 0),
      };
    })
    .sort((a, b) => b.score - a.score || a.id - b.id)
    .slice(0, DEPTH)
    .map(({ id }) => id);
}

// Reciprocal rank fusion: a chunk that both rankings have near the top wins.
const scores = new Map<number, number>();
for (const ranking of [byWords(question), await byVectors(question)]) {
  for (const [rank, id] of ranking.entries()) {
    scores.set(id, (scores.get(id) ?? 0) + 1 / (60 + rank));
  }
}
const best = [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, ANSWERS);
const chunk = database.prepare("SELECT document, page, text FROM chunk WHERE id = ?");
for (const [id] of best) {
  const { document, page, text } = chunk.get(id) ?? {};
  console.log(`${document}, page ${page}: ${String(text).slice(0, 80).trimEnd()}`);
}
database.close();
