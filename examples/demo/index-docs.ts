// The pipeline of the demo: Markdown in, a search index out. Run it on its own with
//   node index-docs.ts <folder of Markdown> <output folder> [section_chars] [dimensions] [related]
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

interface Section {
  readonly path: string;
  readonly heading: string;
  readonly text: string;
}

/** Splits one Markdown file at its headings, and a long section at its paragraphs. */
export function sections(path: string, markdown: string, limit: number): Section[] {
  const found: Section[] = [];
  let trail: string[] = [];
  let text = "";
  let fenced = false;
  const flush = (): void => {
    if (text.trim() !== "") found.push({ path, heading: trail.join(" › "), text: text.trim() });
    text = "";
  };
  for (const line of markdown.split("\n")) {
    if (line.startsWith("```")) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,6})\s+(.+)$/.exec(line);
    if (heading) {
      flush();
      trail = [...trail.slice(0, (heading[1] ?? "").length - 1), heading[2] ?? ""];
    } else {
      if (!fenced && line === "" && text.length > limit) flush();
      text += `${line}\n`;
    }
  }
  flush();
  return found;
}

/**
 * A deterministic local embedding: words and their character trigrams hashed (FNV-1a) into a
 * fixed number of signed dimensions, then scaled to length 1.
 */
export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []) {
    const padded = `^${word}$`;
    add(vector, word);
    for (let i = 0; i + 3 <= padded.length; i++) add(vector, padded.slice(i, i + 3));
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function add(vector: Float32Array, feature: string): void {
  let hash = 0x811c9dc5;
  for (let i = 0; i < feature.length; i++) {
    hash = Math.imul(hash ^ feature.charCodeAt(i), 0x01000193) >>> 0;
  }
  const slot = hash % vector.length;
  vector[slot] = (vector[slot] ?? 0) + (hash & 0x80000000 ? -1 : 1);
}

/** The `count` sections most like `of`, best first. */
function nearest(vectors: readonly Float32Array[], of: number, count: number): number[] {
  const query = vectors[of] as Float32Array;
  return vectors
    .map((vector, index) => ({ index, score: index === of ? -2 : dot(query, vector) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count)
    .map((match) => match.index);
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function main([from, to, limit = "1200", dimensions = "256", related = "5"]: string[]): void {
  if (from === undefined || to === undefined) {
    throw new Error(
      "usage: node index-docs.ts <docs> <out> [section_chars] [dimensions] [related]",
    );
  }
  const all = globSync("**/*.md", { cwd: from })
    .sort()
    .flatMap((path) => sections(path, readFileSync(join(from, path), "utf8"), Number(limit)));
  const vectors = all.map((s) => embed(`${s.heading}\n${s.text}`, Number(dimensions)));

  mkdirSync(to, { recursive: true });
  const database = new DatabaseSync(join(to, "index.db"));
  database.exec(`
    CREATE VIRTUAL TABLE section USING fts5(path UNINDEXED, heading, text, tokenize = 'porter');
    CREATE TABLE vector (section INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE related (section INTEGER, rank INTEGER, other INTEGER, PRIMARY KEY (section, rank));
    BEGIN`);
  const addSection = database.prepare(
    "INSERT INTO section (rowid, path, heading, text) VALUES (?, ?, ?, ?)",
  );
  const addVector = database.prepare("INSERT INTO vector VALUES (?, ?)");
  const addRelated = database.prepare("INSERT INTO related VALUES (?, ?, ?)");
  all.forEach((section, index) => {
    addSection.run(index, section.path, section.heading, section.text);
    addVector.run(index, new Uint8Array((vectors[index] as Float32Array).buffer));
    nearest(vectors, index, Number(related)).forEach((other, rank) => {
      addRelated.run(index, rank, other);
    });
  });
  database.exec("COMMIT");
  database.close();
  console.error(`indexed ${all.length} sections`);
}

if (import.meta.main) main(process.argv.slice(2));
