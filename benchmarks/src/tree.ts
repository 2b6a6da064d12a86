import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Corpus } from "./corpus.ts";
import { bareDigest, bareHash, bareLook, nodeStart } from "./floors.ts";
import type { Contender } from "./measure.ts";
import {
  ctxpack,
  ctxpackCommand,
  findProgram,
  nodeCommand,
  quote,
  runScript,
  shell,
} from "./programs.ts";
import { findPrototype } from "./prototype.ts";
import type { Bench, Question, Round } from "./question.ts";
import { settle } from "./settle.ts";

const HASH_TREE = fileURLToPath(new URL("./hash-tree.js", import.meta.url));

/** How long the identity of a folder takes, the first time and when nothing changed. */
export const tree: Question = {
  name: "tree",
  about:
    "hash a folder: hashTree and `ctxpack id` against find | xargs -P2 openssl and sha256sum, git status",
  programs: ["openssl", "sha256sum", "git", "find", "python3"],
  whys: {
    "openssl dgst":
      "It hashes with the same instructions and starts in a few milliseconds; of little work the start of Node is the most.",
    sha256sum: "Of little work the start of Node is the most; of more it is the slower one.",
    "git status":
      "It looks at the same stats with an index that it maps into memory, from a program that starts in a millisecond.",
    find: "It asks for every stat, as ours does, and remembers and compares nothing.",
  },
  *rounds(bench) {
    for (const name of ["small", "mixed"] as const) yield hashing(bench, name);
    yield unchanged(bench);
    yield oneFile(bench);
  },
};

function hashing(bench: Bench, name: "small" | "mixed"): Round {
  const corpus = bench.corpus(name);
  const contract = writeContract(bench, corpus, name);
  const warm = join(bench.scratch, `warm-${name}`);
  settle();
  ctxpack(["id", contract], warm);
  return {
    title: `Tree digest of ${corpus.title}`,
    reads: [corpus.dir],
    bytes: corpus.bytes,
    contenders: [
      hashTreeOf(corpus),
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
      ...peers(corpus, bench, name === "mixed"),
      bareHash(corpus),
    ],
    check: () => compareWithCoreutils(corpus, bench),
  };
}

/** Nothing changed since the last look: the whole command against who only asks for the state of each file. */
function unchanged(bench: Bench): Round {
  const corpus = bench.corpus("small");
  const contract = writeContract(bench, corpus, "unchanged");
  const store = join(bench.scratch, "unchanged");
  ctxpack(["id", contract], store);
  return {
    title: `Unchanged tree of ${corpus.title}`,
    reads: [corpus.dir],
    contenders: [
      {
        name: "`ctxpack id` again (stat index)",
        argv: () => [...ctxpackCommand(), "id", contract],
        env: () => ({ CTXPACK_CACHE_DIR: store }),
      },
      ...gitStatus(corpus, bench),
      {
        name: "`find -printf` (size and mtime)",
        argv: () => ["find", corpus.dir, "-printf", "%p %s %T@\n"],
      },
      bareLook(corpus),
      nodeStart,
    ],
  };
}

/** `git status` of a work tree that was committed, with an index that knows the state of each file. */
function gitStatus(corpus: Corpus, bench: Bench): Contender[] {
  if (!findProgram("git")) {
    bench.note("absent: git; its row is left out");
    return [];
  }
  const folder = quote(join(bench.scratch, "git"));
  const git = `GIT_CONFIG_GLOBAL=/dev/null git --git-dir=${folder} --work-tree=${quote(corpus.dir)}`;
  const author = "-c user.name=benchmark -c user.email=benchmark@localhost";
  runScript(
    `git init -q --bare ${folder}; ${git} add -A; ${git} ${author} commit -q -m corpus; ${git} status`,
  );
  return [{ name: "`git status`", argv: () => shell(`cd ${quote(corpus.dir)}; ${git} status`) }];
}

function oneFile(bench: Bench): Round {
  const corpus = bench.corpus("single");
  const contenders: Contender[] = [hashTreeOf(corpus)];
  if (!findProgram("openssl")) bench.note("absent: openssl; its row is left out");
  else {
    const file = join(corpus.dir, "single.bin");
    contenders.push({
      name: "`openssl dgst -sha256`",
      argv: () => ["openssl", "dgst", "-sha256", file],
    });
  }
  contenders.push(bareDigest(corpus));
  return {
    title: `Digest of ${corpus.title}`,
    reads: [corpus.dir],
    bytes: corpus.bytes,
    contenders,
    check: () => compareWithCoreutils(corpus, bench),
  };
}

function hashTreeOf(corpus: Corpus): Contender {
  return {
    name: "`hashTree` in a fresh node",
    ours: true,
    argv: () => [...nodeCommand(), HASH_TREE, corpus.dir],
  };
}

/** A contract with the corpus as its input. Returns its file. */
function writeContract(bench: Bench, corpus: Corpus, name: string): string {
  const file = join(bench.scratch, `${name}.json`);
  const input = { name: "corpus", path: corpus.dir };
  writeFileSync(file, JSON.stringify({ inputs: [input], transforms: [{ tool: "benchmark" }] }));
  return file;
}

/** `isMixed`: a few files are large, and 200 to a process would put those into one. */
function peers(corpus: Corpus, bench: Bench, isMixed: boolean): Contender[] {
  const found: Contender[] = [];
  for (const [program, hash] of [
    ["openssl", "openssl dgst -sha256 -r"],
    ["sha256sum", "sha256sum"],
  ] as const) {
    const pipe = (which: string, files: number): string =>
      `find . -type f${which} -print0 | xargs -0 -r -P2 -n ${files} ${hash}`;
    const script = isMixed
      ? `${pipe(" -size +1024k", 1)}; ${pipe(" -size -1025k", 200)}`
      : pipe("", 200);
    if (!findProgram(program)) bench.note(`absent: ${program}; its row is left out`);
    else {
      found.push({
        name: isMixed
          ? `\`find \\| xargs -0 -P2 ${hash}\`, files over 1 MB one to a process, others 200`
          : `\`find \\| xargs -0 -P2 -n 200 ${hash}\``,
        argv: () => shell(`cd ${quote(corpus.dir)}; ${script}`),
      });
    }
  }
  const prototype = findPrototype(bench);
  if (prototype) {
    found.push({ name: "Python prototype", argv: () => prototype("hash", corpus.dir) });
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
