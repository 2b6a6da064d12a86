import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { result, run, scratch } from "../run.ts";

/** A project whose store has all that a report tells of. */
export interface Scene {
  readonly cwd: string;
  /** By the name of the contract. */
  readonly uris: Readonly<Record<"words" | "earlierWords" | "index" | "nanos" | "text", string>>;
}

/**
 * A project as it is after some work: two stages, the first one computed twice, the second one signed; a map that grew;
 * an output that is never the same; a hit whose line was kept; a contract that has changed since.
 */
export async function scene(): Promise<Scene> {
  const cwd = scratch();
  const say = async (...args: string[]) => (await result(args, { cwd })).split("\n").at(-1) ?? "";
  mkdirSync(join(cwd, "docs"));
  for (const name of ["a.txt", "b.txt"]) writeFileSync(join(cwd, "docs", name), `${name}\n`);
  const map = ["map", "--in", "docs", "--out", "text/{path}", "--", "cp", "{in}", "{out}"];
  await say(...map);
  const earlierWords = await words(cwd, 4);
  writeFileSync(join(cwd, "docs/c.txt"), "c.txt\n");
  const text = await say(...map);
  const uri = await words(cwd, 3);
  contract(cwd, "index", {
    command: ["sh", "-c", 'wc -c <"$0/words.txt" >"$1"', "{in:words}", "{out}"],
    inputs: [{ name: "words", pack: uri }],
    transforms: [
      { tool: "wc", tool_version: "9" },
      { tool: "embed", model: "m-3" },
    ],
    outputs: [{ path: "index.txt" }],
  });
  const index = await say("run", "--contract", "index.contract.json");
  await say("keygen", "--out", "team.pem");
  await say("attest", index, "--key", "team.pem");
  contract(cwd, "nanos", {
    command: ["sh", "-c", 'date +%s%N >"$0"', "{out}"],
    transforms: [{ tool: "date" }],
    outputs: [{ path: "nanos.json" }],
  });
  const nanos = await say("run", "--contract", "nanos.contract.json");
  await say("recheck", "nanos.contract.json", "-n", "2");
  const hit = await run(["run", "--contract", "index.contract.json", "--json"], { cwd });
  writeFileSync(join(cwd, "runs.ndjson"), `${hit.stdout}not a line of ours\n`);
  wordsContract(cwd, 2);
  return { cwd, uris: { words: uri, earlierWords, index, nanos, text } };
}

async function words(cwd: string, length: number): Promise<string> {
  wordsContract(cwd, length);
  return await result(["run", "--contract", "words.contract.json"], { cwd });
}

function wordsContract(cwd: string, length: number): void {
  contract(cwd, "words", {
    command: ["sh", "-c", 'cat "$0"/* >"$1"', "{in:docs}", "{out}"],
    inputs: [{ name: "docs", path: "docs", include: ["a.txt"] }],
    transforms: [{ tool: "words", params: { min_length: length } }],
    outputs: [{ path: "words.txt" }],
  });
}

function contract(cwd: string, name: string, value: object): void {
  writeFileSync(join(cwd, `${name}.contract.json`), JSON.stringify({ name, ...value }));
}
