import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeStart } from "./floors.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, nodeCommand } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";

const HITS = fileURLToPath(new URL("./hits.js", import.meta.url));

/** Runs that take a tenth of a second: as many as make a median that holds. */
const RUNS = 15;

/** A file that changed this recently is read again, in milliseconds. */
const SETTLED_MS = 2100;

/** What starting the command costs, and finding that nothing has to be done. */
export const start: Question = {
  name: "start",
  about: "a warm `ctxpack pull` against `node -e 0`, `ctxpack id` again against `git status`",
  programs: ["git", "find"],
  whys: {
    "git status":
      "It asks for the same stats, in C, and compares them with an index that it maps into memory. Ours is not waiting for Node: " +
      "`node -e 0` is a fifth of our time; the rest is one `lstat` from JavaScript for each of 20,000 files, and comparing it.",
    find: "It asks for every stat, as ours does, in C, and remembers and compares nothing.",
  },
  *rounds(bench) {
    yield hit(bench);
    yield unchanged(bench);
  },
};

function hit(bench: Bench): Round {
  const store = join(bench.scratch, "store");
  const contract = writeContract(bench, "start");
  const corpus = bench.corpus("texts");
  const uri = ctxpack(["seed", corpus.dir, "--contract", contract], store);
  // The first pull materialises the pack; those that are measured find it.
  ctxpack(["pull", uri], store);
  const one = join(bench.scratch, "one");
  const small = ctxpack(["seed", one, "--contract", writeOne(one)], store);
  ctxpack(["pull", small], store);
  const env = () => ({ CTXPACK_CACHE_DIR: store });
  const command = (...args: string[]) => [...ctxpackCommand(), ...args];
  return {
    title: "Start-up and a hit in the store",
    runs: RUNS,
    contenders: [
      nodeStart,
      { name: "`ctxpack --version`", argv: () => command("--version") },
      { name: "`ctxpack id` (no inputs)", argv: () => command("id", contract), env },
      { name: "`ctxpack pull`, warm, 1 file", argv: () => command("pull", small), env },
      {
        name: `\`ctxpack pull\`, warm, ${corpus.files} files`,
        argv: () => command("pull", uri),
        env,
      },
    ],
    check: () => {
      for (const [pack, files] of [
        [small, 1],
        [uri, corpus.files],
      ] as const) {
        bench.note(`in process: a hit of ${files} files in ${hitMs(bench, pack, store)} ms`);
      }
    },
  };
}

/** A folder with one file, and a contract for it. */
function writeOne(dir: string): string {
  mkdirSync(dir);
  writeFileSync(join(dir, "a.txt"), "a");
  const contract = `${dir}.json`;
  writeFileSync(contract, JSON.stringify({ transforms: [{ tool: "one" }] }));
  return contract;
}

/** The median of many hits in one process. */
function hitMs(bench: Bench, uri: string, store: string): string {
  const [node = "", ...flags] = nodeCommand();
  const count = bench.scale === "full" ? "1000" : "3";
  const { status, stdout, stderr } = spawnSync(node, [...flags, HITS, uri, count], {
    encoding: "utf8",
    env: { ...process.env, CTXPACK_CACHE_DIR: store },
  });
  if (status !== 0) throw new Error(`hits of ${uri}: exit ${status}\n${stderr}`);
  return stdout.trim();
}

function unchanged(bench: Bench): Round {
  const corpus = bench.corpus("small");
  const contract = join(bench.scratch, "unchanged.json");
  const input = { name: "corpus", path: corpus.dir };
  writeFileSync(contract, JSON.stringify({ inputs: [input], transforms: [{ tool: "start" }] }));
  const store = join(bench.scratch, "known");
  const peers = [...gitStatus(bench, corpus.dir), ...findPrintf(bench, corpus.dir)];
  if (bench.scale === "full")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLED_MS);
  ctxpack(["id", contract], store);
  return {
    title: `Identity of ${corpus.title} of which nothing changed`,
    reads: [corpus.dir],
    runs: RUNS,
    contenders: [
      ...peers,
      {
        name: "`ctxpack id` again",
        argv: () => [...ctxpackCommand(), "id", contract],
        env: () => ({ CTXPACK_CACHE_DIR: store }),
      },
      nodeStart,
    ],
    check: () => expectUnopened(bench, contract, corpus.dir, store),
  };
}

function gitStatus(bench: Bench, dir: string): Contender[] {
  if (!findProgram("git")) {
    bench.note("skipped: git is absent; `git status` is left out");
    return [];
  }
  const git = ["git", `--git-dir=${join(bench.scratch, "git")}`, `--work-tree=${dir}`];
  const who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
  for (const args of [
    ["init", "-q"],
    ["add", "-A"],
    [...who, "commit", "-qm", "all"],
    ["status"],
  ]) {
    const { status, stderr } = spawnSync("git", [...git.slice(1), ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: exit ${status}\n${stderr}`);
  }
  return [{ name: "`git status`", argv: () => [...git, "status", "--porcelain"] }];
}

function findPrintf(bench: Bench, dir: string): Contender[] {
  if (!findProgram("find")) {
    bench.note("skipped: find is absent; `find -printf` is left out");
    return [];
  }
  const format = "%P %i %s %T@ %C@ %m\\n";
  return [{ name: "`find -printf`", argv: () => ["find", dir, "-type", "f", "-printf", format] }];
}

/** No file of a tree of which nothing changed may be opened. */
function expectUnopened(bench: Bench, contract: string, dir: string, store: string): void {
  if (!findProgram("strace")) {
    bench.note("skipped: strace is absent; whether a file was opened is not looked at");
    return;
  }
  const trace = join(bench.scratch, "trace");
  const args = ["-f", "-e", "trace=open,openat", "-o", trace, ...ctxpackCommand(), "id", contract];
  const { status } = spawnSync("strace", args, {
    env: { ...process.env, CTXPACK_CACHE_DIR: store },
  });
  const opened = readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line.includes(dir));
  const files = opened.filter((line) => !line.includes("O_DIRECTORY"));
  bench.note(`\`ctxpack id\` again: ${files.length} files of the tree opened`);
  // At smoke scale the files are too young to be known.
  if (status !== 0 || (bench.scale === "full" && files.length > 0)) {
    throw new Error(
      `id of an unchanged tree: exit ${status}, opened\n${files.slice(0, 5).join("\n")}`,
    );
  }
}
