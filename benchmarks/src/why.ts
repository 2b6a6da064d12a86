import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tinyFiles } from "./corpus.ts";
import { nodeStart } from "./floors.ts";
import { ctxpack, ctxpackCommand, nodeCommand } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

const FILL = fileURLToPath(new URL("./fill-store.ts", import.meta.url));

/** Runs that take a tenth of a second: as many as make a median that holds. */
const RUNS = 15;

/** `why` on a miss. */
const MISS = 3;

/** A file that changed this recently is read again, in milliseconds. */
const SETTLED_MS = 2100;

/** What finding out costs why a contract missed: many packs in the store, many files in the input. */
export const why: Question = {
  name: "why",
  about: "`ctxpack why` with 10,000 packs and 10,000 files, against `node -e 0` and `ctxpack id`",
  *rounds(bench) {
    yield miss(bench);
  },
};

function miss(bench: Bench): Round {
  const store = join(bench.scratch, "store");
  const count = bench.scale === "full" ? 10_000 : 20;
  const corpus = tinyFiles(join(bench.scratch, "tree"), count);
  const contract = join(bench.scratch, "contract.json");
  const write = (chunkSize: number): void => {
    const transform = { tool: "embed", tool_version: "1.2", params: { chunk_size: chunkSize } };
    const inputs = [{ name: "docs", path: corpus.dir }];
    writeFileSync(contract, JSON.stringify({ name: "why", inputs, transforms: [transform] }));
  };
  fill(store, count);
  const output = join(bench.scratch, "output");
  mkdirSync(output);
  writeFileSync(join(output, "a.txt"), "a");
  write(512);
  ctxpack(["seed", output, "--contract", contract], store);
  // Two of the files and a param are others now, and all are hashed.
  appendFileSync(join(corpus.dir, "0000/0000001.txt"), "more");
  rmSync(join(corpus.dir, "0000/0000002.txt"));
  write(256);
  if (bench.scale === "full") sleep(SETTLED_MS);
  ctxpack(["id", contract], store);
  const env = () => ({ CTXPACK_CACHE_DIR: store });
  const command = (...args: string[]) => [...ctxpackCommand(), ...args];
  const table = join(store, "known-contracts");
  return {
    title: `Why a contract missed: ${count} packs in the store, an input of ${corpus.title}`,
    runs: RUNS,
    contenders: [
      { name: "`ctxpack why`", argv: () => command("why", contract), env, exitCode: MISS },
      nodeStart,
      { name: "`ctxpack id` of the same", argv: () => command("id", contract), env },
      {
        name: "`ctxpack why`, the table was lost",
        argv: () => command("why", contract),
        prepare: () => rmSync(table, { force: true }),
        env,
        exitCode: MISS,
        runs: bench.scale === "full" ? 3 : 1,
      },
    ],
    check: () => {
      expectReason(contract, store);
      bench.note(`the table takes ${statSync(table).size} bytes`);
    },
  };
}

function fill(store: string, count: number): void {
  const [node = "", ...flags] = nodeCommand();
  const { status, stderr } = spawnSync(node, [...flags, FILL, store, String(count)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`filling ${store}: exit ${status}\n${stderr}`);
}

/** Exactly what was changed, and nothing else. */
function expectReason(contract: string, store: string): void {
  const [node = "", ...rest] = ctxpackCommand();
  const { stdout } = spawnSync(node, [...rest, "why", contract, "--plain"], {
    encoding: "utf8",
    env: { ...process.env, CTXPACK_CACHE_DIR: store },
  });
  const expected = [
    "~\t/inputs/docs/digest\tfile\t0000/0000001.txt",
    "-\t/inputs/docs/digest\tfile\t0000/0000002.txt",
    "~\t/transforms/0/params/chunk_size\t512\t256",
  ];
  if (stdout !== `${expected.join("\n")}\n`) throw new Error(`why says:\n${stdout}`);
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
