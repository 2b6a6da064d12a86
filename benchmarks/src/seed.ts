import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./measure.ts";
import { ctxpackCommand, findProgram, quote, shell } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

/** How long storing an output takes, from nothing. */
export const seed: Question = {
  name: "seed",
  about: "store a folder as a pack: `ctxpack seed` against tar | zstd",
  *rounds(bench) {
    for (const name of ["texts", "mixed"] as const) yield seeding(bench, name);
  },
};

function seeding(bench: Bench, name: "texts" | "mixed"): Round {
  const corpus = bench.corpus(name);
  const contract = writeContract(bench, name);
  const store = (run: number): string => join(bench.scratch, `store-${name}-${run}`);
  const ours: Contender = {
    name: "`ctxpack seed`",
    argv: () => [...ctxpackCommand(), "seed", corpus.dir, "--contract", contract],
    env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
    leaves: (run) => [store(run)],
  };
  const tar = `tar -cf - -C ${quote(corpus.dir)} .`;
  const archive = (run: number, level: number): string =>
    join(bench.scratch, `${name}-${run}-${level}.tar.zst`);
  const peers: Contender[] = [
    {
      name: "`tar \\| zstd -1 -T2` (no digests)",
      argv: (run) => shell(`${tar} | zstd -q -1 -T2 -o ${quote(archive(run, 1))}`),
      leaves: (run) => [archive(run, 1)],
    },
    {
      name: "`tar \\| zstd -3 -T2`, then `sha256sum`",
      argv: (run) => {
        const file = quote(archive(run, 3));
        return shell(`${tar} | zstd -q -3 -T2 -o ${file}; sha256sum ${file}`);
      },
      leaves: (run) => [archive(run, 3)],
    },
  ];
  const zstd = findProgram("zstd");
  if (!zstd) bench.note("absent: zstd; its rows are left out");
  return {
    title: `Seed ${corpus.title}`,
    bytes: corpus.bytes,
    contenders: [ours, ...(zstd ? peers : [])],
  };
}

/** A contract without inputs: only the output costs something. Returns its file. */
export function writeContract(bench: Bench, name: string): string {
  const file = join(bench.scratch, `${name}.contract.json`);
  writeFileSync(file, JSON.stringify({ transforms: [{ tool: "benchmark", params: { name } }] }));
  return file;
}
