// Lists of packages to shards:  node split.ts <folder of lists> <folder of shards>
//
// A shard holds the packages of all sources whose names begin alike, in an order of its own: where they stood in the lists
// does not matter, and a list with one new package makes one new shard.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** `libxm` for libxml2, `ba` for bash; what has no name that a file may have goes to `_`. */
function shardOf(stanza: string): string {
  const source = /^Source:\s*(\S+)/m.exec(stanza) ?? /^Package:\s*(\S+)/m.exec(stanza);
  return /^(?:lib)?[a-z0-9][a-z0-9+-]?/.exec(source?.[1] ?? "")?.[0] ?? "_";
}

function main([from, to]: string[]): void {
  if (from === undefined || to === undefined)
    throw new Error("usage: node split.ts <lists> <shards>");
  const shards = new Map<string, string[]>();
  for (const list of readdirSync(from)) {
    const text = readFileSync(join(from, list), "utf8").replaceAll("\r\n", "\n");
    for (const stanza of text.split(/\n{2,}/).map((one) => one.trim())) {
      if (stanza === "") continue;
      const name = shardOf(stanza);
      const shard = shards.get(name);
      if (shard) shard.push(stanza);
      else shards.set(name, [stanza]);
    }
  }
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const [name, stanzas] of shards) {
    writeFileSync(join(to, `${name}.txt`), `${stanzas.sort().join("\n\n")}\n`);
  }
  console.log(`${shards.size} shards`);
}

if (import.meta.main) main(process.argv.slice(2));
