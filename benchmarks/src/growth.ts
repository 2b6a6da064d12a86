// What a file costs when there are many, and a pack: time per file of storing 1,000 to 100,000 files, time per pack of
// storing, listing and collecting with 10 to 10,000 packs in one store.
//
//   node --conditions=@ctxpack/source benchmarks/src/growth.ts [--smoke]
//
// In one process, after a warm-up, so that the start of the command hides nothing. `x` is to the smallest size.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Store } from "@ctxpack/cache";
import { canonicalBytes } from "@ctxpack/identity";
import { tinyFiles } from "./corpus.ts";
import { markdown } from "./markdown.ts";
import { median } from "./median.ts";
import { runProgram } from "./programs.ts";
import { settle } from "./settle.ts";

const RUNS = 5;

interface Sizes {
  readonly files: readonly number[];
  readonly packs: readonly number[];
}

const FULL: Sizes = { files: [1_000, 10_000, 100_000], packs: [10, 100, 1_000, 10_000] };
const SMOKE: Sizes = { files: [100, 1_000], packs: [10, 50] };

/** What one size costs in seconds, all of it. */
interface Cost {
  readonly size: number;
  readonly what: string;
  /** How many files or packs that was for. */
  readonly count: number;
  readonly seconds: number;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { smoke: { type: "boolean", default: false } },
  });
  const sizes = values.smoke ? SMOKE : FULL;
  const root = mkdtempSync(join(tmpdir(), "ctxpack-growth-"));
  try {
    await growFiles(join(root, "warm-files"), [200]);
    await growPacks(join(root, "warm-packs"), [20]);
    print("files of 1 KB in one pack", await growFiles(join(root, "files"), sizes.files));
    print("packs in one store", await growPacks(join(root, "packs"), sizes.packs));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function growFiles(root: string, sizes: readonly number[]): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const size of sizes) {
    const { dir } = tinyFiles(join(root, `${size}`), size);
    settle();
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await using store = await openStore(join(root, `store-${size}-${run}`));
      runs.push(await time(() => store.seed(dir, contract(0))));
    }
    costs.push({ size, what: "seed", count: size, seconds: median(runs) });
  }
  return costs;
}

/** Packs are added to one store; what storing one costs is the mean of those since the size before. */
async function growPacks(root: string, sizes: readonly number[]): Promise<Cost[]> {
  await using store = await openStore(join(root, "store"));
  const folder = join(root, "folder");
  mkdirSync(folder);
  const costs: Cost[] = [];
  let packs = 0;
  for (const size of sizes) {
    const count = size - packs;
    let seconds = 0;
    runProgram("sync", []);
    for (; packs < size; packs++) {
      writeFileSync(join(folder, "output.txt"), `the output of job ${packs}\n`);
      seconds += await stopwatch(() => store.seed(folder, contract(packs)));
    }
    costs.push({ size, what: "seed", count, seconds });
    const list = async (): Promise<void> => {
      let listed = 0;
      for await (const _record of store.list()) listed++;
      if (listed !== size) throw new Error(`${listed} of ${size} packs are listed`);
    };
    costs.push({ size, what: "ls", count: size, seconds: await medianTime(list) });
    const collect = () => store.collect();
    costs.push({
      size,
      what: "gc, nothing to do",
      count: size,
      seconds: await medianTime(collect),
    });
  }
  return costs;
}

async function openStore(dir: string): Promise<Store> {
  mkdirSync(join(dir, ".."), { recursive: true });
  return Store.open(dir, { blocking: true, budget: Number.POSITIVE_INFINITY });
}

function contract(job: number): Uint8Array {
  return canonicalBytes({
    inputs: [],
    schema: "ctxpack.contract/v1",
    transforms: [{ params: { job }, tool: "benchmark" }],
  });
}

async function medianTime(work: () => Promise<unknown>): Promise<number> {
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await time(work));
  return median(runs);
}

/** Seconds; what was written before goes to the disk first. */
async function time(work: () => Promise<unknown>): Promise<number> {
  runProgram("sync", []);
  return stopwatch(work);
}

async function stopwatch(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

function print(what: string, costs: readonly Cost[]): void {
  const each = ({ seconds, count }: Cost): number => (seconds / count) * 1e6;
  const grouped = [...Map.groupBy(costs, (cost) => cost.what).values()].flat();
  const rows = grouped.map((cost) => {
    const first = costs.find((other) => other.what === cost.what) ?? cost;
    return [
      `${cost.what}, ${cost.size.toLocaleString("en")} ${what}`,
      cost.seconds.toFixed(3),
      each(cost).toFixed(1),
      (each(cost) / each(first)).toFixed(2),
    ];
  });
  console.log(`${markdown(["", "seconds", "µs each", "x"], rows)}\n`);
}

await main(process.argv.slice(2));
