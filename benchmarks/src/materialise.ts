import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { bareWrite } from "./floors.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, quote, runScript, shell } from "./programs.ts";
import { sameFiles } from "./pull.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";

/** How long a folder takes from the blobs of the store, every byte checked. */
export const materialise: Question = {
  name: "materialise",
  about: "`ctxpack pull` of a pack whose blobs are here and whose folder is not, against tar x",
  programs: ["tar", "zstd"],
  whys: {
    sha256sum:
      "One digest of the archive is checked, none of a file, and the folder is written with no way back if it is wrong.",
    "tar x":
      "It checks nothing, and writes into the folder that is asked for; ours hashes every file and makes the whole visible " +
      "in one rename.",
  },
  *rounds(bench) {
    yield materialising(bench, "mixed", "zstd");
    yield materialising(bench, "small", "tar");
  },
};

function materialising(bench: Bench, name: "mixed" | "small", peer: "zstd" | "tar"): Round {
  const corpus = bench.corpus(name);
  const store = join(bench.scratch, `store-${name}`);
  const uri = ctxpack(["seed", corpus.dir, "--contract", writeContract(bench, name)], store);
  const aside = (run: number): string => join(bench.scratch, `aside-${name}-${run}`);
  return {
    title: `Materialise ${corpus.title}`,
    reads: [join(store, "blobs"), archiveOf(bench, name, peer)],
    bytes: corpus.bytes,
    contenders: [
      {
        name: "`ctxpack pull`, blobs in the store",
        prepare: (run) => setAside(store, aside(run)),
        argv: () => [...ctxpackCommand(), "pull", uri],
        env: () => ({ CTXPACK_CACHE_DIR: store }),
        leaves: (run) => [aside(run)],
      },
      ...(peer === "zstd"
        ? unzstd(bench, name)
        : [...untar(bench, name), bareWrite(corpus, bench)]),
    ],
    check: () => sameFiles(corpus.dir, ctxpack(["pull", uri], store)),
  };
}

function archiveOf(bench: Bench, name: string, peer: "zstd" | "tar"): string {
  return join(bench.scratch, `${name}.tar${peer === "zstd" ? ".zst" : ""}`);
}

/** Takes every folder that was materialised out of the store. */
function setAside(store: string, to: string): void {
  mkdirSync(to);
  for (const kind of ["trees", "files"]) {
    const folder = join(store, kind);
    if (!existsSync(folder)) continue;
    renameSync(folder, join(to, kind));
    mkdirSync(folder);
  }
}

function unzstd(bench: Bench, name: "mixed" | "small"): Contender[] {
  if (!findProgram("zstd")) {
    bench.note("absent: zstd; its row is left out");
    return [];
  }
  const archive = quote(archiveOf(bench, name, "zstd"));
  runScript(`tar -cf - -C ${quote(bench.corpus(name).dir)} . | zstd -q -1 -T2 -o ${archive}`);
  return [
    extraction(bench, name, {
      what: "`zstd -d \\| tar x` (nothing checked)",
      script: `zstd -q -d -c ${archive} | tar -xf -`,
    }),
  ];
}

function untar(bench: Bench, name: "mixed" | "small"): Contender[] {
  const archive = quote(archiveOf(bench, name, "tar"));
  runScript(`tar -cf ${archive} -C ${quote(bench.corpus(name).dir)} .`);
  return [
    extraction(bench, name, {
      what: "`tar x` (not compressed, nothing checked)",
      script: `tar -xf ${archive}`,
    }),
  ];
}

function extraction(
  bench: Bench,
  name: string,
  o: { readonly what: string; readonly script: string },
): Contender {
  const folder = (run: number): string => join(bench.scratch, `out-${name}-${run}`);
  return {
    name: o.what,
    prepare: (run) => mkdirSync(folder(run)),
    argv: (run) => shell(`${o.script} -C ${quote(folder(run))}`),
    leaves: (run) => [folder(run)],
  };
}
