import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backupPrograms } from "./backup.ts";
import { barePack } from "./floors.ts";
import type { Contender } from "./measure.ts";
import { ctxpackCommand, findProgram, quote, shell } from "./programs.ts";
import { findPrototype } from "./prototype.ts";
import type { Bench, Question, Round } from "./question.ts";

type Name = "texts" | "mixed";

/** How long storing an output takes, from nothing. */
export const seed: Question = {
  name: "seed",
  about:
    "store a folder as a pack: `ctxpack seed` against tar | zstd, restic, borg, casync, a prototype",
  programs: ["tar", "zstd", "openssl", "restic", "borg", "casync", "python3"],
  whys: {
    "tar ":
      "It makes one file, with one digest at most: none of a file or a piece, nothing is cut where the content says, and a second " +
      "version starts from nothing.",
    "casync make":
      "It starts in a millisecond, and nothing is on the disk before one sync at the end puts all its pieces there together.",
  },
  *rounds(bench) {
    for (const name of ["texts", "mixed"] as const) yield seeding(bench, name);
  },
};

function seeding(bench: Bench, name: Name): Round {
  const corpus = bench.corpus(name);
  const contract = writeContract(bench, name);
  const store = (run: number): string => join(bench.scratch, `store-${name}-${run}`);
  const ours: Contender = {
    name: "`ctxpack seed`",
    argv: () => [...ctxpackCommand(), "seed", corpus.dir, "--contract", contract],
    env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
    leaves: (run) => [store(run)],
  };
  return {
    title: `Seed ${corpus.title}`,
    reads: [corpus.dir],
    bytes: corpus.bytes,
    contenders: [
      ours,
      ...archives(bench, name),
      ...backups(bench, name),
      ...others(bench, name),
      barePack(corpus, bench, name),
    ],
  };
}

/** One file on the disk when they are done: our blobs are there too. */
function archives(bench: Bench, name: Name): Contender[] {
  if (!findProgram("zstd")) {
    bench.note("absent: zstd; its rows are left out");
    return [];
  }
  const tar = `tar -cf - -C ${quote(bench.corpus(name).dir)} .`;
  const archive = (run: number, kind: string): string =>
    join(bench.scratch, `${name}-${run}-${kind}.tar.zst`);
  const script = (run: number, level: string): string => {
    const file = quote(archive(run, level));
    return `${tar} | zstd -q -${level} -T2 -o ${file}; sync ${file}`;
  };
  const found: Contender[] = [
    {
      name: "`tar \\| zstd -1 -T2; sync` (no digests)",
      argv: (run) => shell(script(run, "1")),
      leaves: (run) => [archive(run, "1")],
    },
    {
      name: "`tar \\| zstd -3 -T2; sync`, then `sha256sum`",
      argv: (run) => shell(`${script(run, "3")}; sha256sum ${quote(archive(run, "3"))}`),
      leaves: (run) => [archive(run, "3")],
    },
  ];
  if (!findProgram("openssl")) bench.note("absent: openssl; its row is left out");
  else {
    found.push({
      name: "`tar \\| zstd -1 -T2 \\| tee \\| openssl dgst -sha256; sync`",
      // The shell waits for all of a pipe: the digest is there too when the archive is synced.
      argv: (run) => {
        const file = quote(archive(run, "digest"));
        const digest = `openssl dgst -sha256 > ${file}.digest`;
        return shell(`${tar} | zstd -q -1 -T2 | tee ${file} | ${digest}; sync ${file}`);
      },
      leaves: (run) => [archive(run, "digest")],
    });
  }
  return found;
}

function backups(bench: Bench, name: Name): Contender[] {
  return backupPrograms(bench).map((program, i) => {
    const home = (run: number): string => join(bench.scratch, `backup-${i}-${name}-${run}`);
    return {
      name: program.name,
      prepare: (run) => program.repository(home(run)).init(),
      argv: (run) => program.repository(home(run)).backup(bench.corpus(name).dir, "first"),
      leaves: (run) => [home(run)],
    };
  });
}

function others(bench: Bench, name: Name): Contender[] {
  const { dir } = bench.corpus(name);
  const found: Contender[] = [];
  const chunks = (run: number): string => join(bench.scratch, `casync-${run}`);
  const copy = (run: number): string => join(bench.scratch, `prototype-${name}-${run}`);
  if (!findProgram("casync")) bench.note("absent: casync; its row is left out");
  // It makes one file of each chunk: thousands of them, and only slower with a gigabyte.
  else if (name === "texts") {
    found.push({
      name: "`casync make; sync`",
      prepare: (run) => mkdirSync(chunks(run)),
      argv: (run) => {
        const into = quote(chunks(run));
        return shell(
          `casync make --store=${into}/chunks.castr ${into}/index.caidx ${quote(dir)}; sync -f ${into}`,
        );
      },
      leaves: (run) => [chunks(run)],
    });
  }
  const prototype = findPrototype(bench);
  if (prototype) {
    found.push({
      name: "Python prototype",
      prepare: (run) => mkdirSync(copy(run)),
      argv: (run) => {
        const command = prototype("seed", dir, copy(run)).map(quote).join(" ");
        return shell(`${command}; sync -f ${quote(copy(run))}`);
      },
      leaves: (run) => [copy(run)],
      ...(name === "mixed" && { runs: 1 }),
    });
  }
  return found;
}

/** A contract without inputs: only the output costs something. Returns its file. */
export function writeContract(bench: Bench, name: string): string {
  const file = join(bench.scratch, `${name}.contract.json`);
  writeFileSync(file, JSON.stringify({ transforms: [{ tool: "benchmark", params: { name } }] }));
  return file;
}
