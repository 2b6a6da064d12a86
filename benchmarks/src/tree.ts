import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Corpus } from "./corpus.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, nodeCommand, quote, shell } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

const HASH_TREE = fileURLToPath(new URL("./hash-tree.js", import.meta.url));

/** How long the identity of a folder takes, the first time and when nothing changed. */
export const tree: Question = {
  name: "tree",
  about: "hash a folder: hashTree and `ctxpack id` against find | xargs -P2 openssl and sha256sum",
  *rounds(bench) {
    for (const name of ["small", "mixed"] as const) yield hashing(bench, name);
  },
};

function hashing(bench: Bench, name: "small" | "mixed"): Round {
  const corpus = bench.corpus(name);
  const contract = join(bench.scratch, `${name}.json`);
  writeFileSync(contract, contractOf(corpus));
  const warm = join(bench.scratch, `warm-${name}`);
  ctxpack(["id", contract], warm);
  return {
    title: `Tree digest of ${corpus.title}`,
    bytes: corpus.bytes,
    contenders: [
      {
        name: "`hashTree` in a fresh node",
        argv: () => [...nodeCommand(), HASH_TREE, corpus.dir],
      },
      {
        name: "`ctxpack id`, empty store",
        argv: () => [...ctxpackCommand(), "id", contract],
        env: (run) => ({ CTXPACK_CACHE_DIR: join(bench.scratch, `empty-${name}-${run}`) }),
      },
      {
        name: "`ctxpack id` again (stat index)",
        argv: () => [...ctxpackCommand(), "id", contract],
        env: () => ({ CTXPACK_CACHE_DIR: warm }),
      },
      ...peers(corpus, bench),
    ],
    check: () => compareWithCoreutils(corpus, bench),
  };
}

function contractOf(corpus: Corpus): string {
  const input = { name: "corpus", path: corpus.dir };
  return JSON.stringify({ inputs: [input], transforms: [{ tool: "benchmark" }] });
}

function peers(corpus: Corpus, bench: Bench): Contender[] {
  const list = `cd ${quote(corpus.dir)} && find . -type f -print0 |`;
  const found: Contender[] = [];
  for (const [program, hash] of [
    ["openssl", "xargs -0 -P2 -n 200 openssl dgst -sha256 -r"],
    ["sha256sum", "xargs -0 -P2 -n 200 sha256sum"],
  ] as const) {
    if (!findProgram(program)) bench.note(`absent: ${program}; its row is left out`);
    else found.push({ name: `\`find \\| ${hash}\``, argv: () => shell(`${list} ${hash}`) });
  }
  return found;
}

/** The pipeline of DESIGN §4.2 must give the digest that we give. */
function compareWithCoreutils(corpus: Corpus, bench: Bench): void {
  if (!findProgram("sha256sum")) {
    bench.note("absent: sha256sum; the digest is not compared");
    return;
  }
  const lines = "find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0r sha256sum -z --";
  const script = `cd ${quote(corpus.dir)} && ${lines} | tr '\\0' '\\n' | sha256sum`;
  const [node = "", ...flags] = nodeCommand();
  const ours = spawnSync(node, [...flags, HASH_TREE, corpus.dir], { encoding: "utf8" });
  const theirs = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  const expected = `dirHash1:${theirs.stdout.slice(0, 64)}`;
  if (ours.stdout.trim() !== expected) {
    throw new Error(`${corpus.dir}: coreutils say ${expected}, hashTree ${ours.stdout.trim()}`);
  }
}
