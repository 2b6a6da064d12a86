import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, quote, shell } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";

/** How long a machine with an empty store waits for an output that lies in a directory pantry. */
export const pull: Question = {
  name: "pull",
  about: "get a pack from a directory pantry, every byte checked, against zstd -d | tar x",
  programs: ["tar", "zstd", "openssl"],
  whys: {
    openssl:
      "One digest of the archive is checked, none of a file, and the folder is written with no way back if it is wrong.",
    sha256sum:
      "One digest of the archive is checked, none of a file, and the folder is written with no way back if it is wrong.",
    "tar x":
      "It checks nothing, and writes into the folder that is asked for, not yet on the disk when it ends; ours hashes every " +
      "file, syncs every blob and makes the whole visible in one rename.",
  },
  *rounds(bench) {
    for (const name of ["texts", "mixed"] as const) yield pulling(bench, name);
  },
};

function pulling(bench: Bench, name: "texts" | "mixed"): Round {
  const corpus = bench.corpus(name);
  const pantry = `oci:${join(bench.scratch, `pantry-${name}`)}`;
  const seeded = join(bench.scratch, `seeded-${name}`);
  const uri = ctxpack(["seed", corpus.dir, "--contract", writeContract(bench, name)], seeded);
  ctxpack(["push", uri, "--to", pantry], seeded);
  const out = (run: number): string => join(bench.scratch, `out-${name}-${run}`);
  const store = (run: number): string => join(bench.scratch, `store-${name}-${run}`);
  const storeTo = (run: number): string => join(bench.scratch, `store-to-${name}-${run}`);
  const command = [...ctxpackCommand(), "pull", uri, "--from", pantry];
  return {
    title: `Pull ${corpus.title}`,
    reads: [pantry.slice("oci:".length), join(bench.scratch, `${name}.tar.zst`)],
    bytes: corpus.bytes,
    contenders: [
      {
        name: "`ctxpack pull`",
        argv: () => command,
        env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
        leaves: (run) => [store(run)],
      },
      {
        name: "`ctxpack pull --to` (store and a copy)",
        argv: (run) => [...command, "--to", out(run)],
        env: (run) => ({ CTXPACK_CACHE_DIR: storeTo(run) }),
        leaves: (run) => [storeTo(run), out(run)],
      },
      ...peers(bench, name, corpus.dir),
    ],
    check: () => sameFiles(corpus.dir, out(0)),
  };
}

function peers(bench: Bench, name: string, dir: string): Contender[] {
  if (!findProgram("zstd")) {
    bench.note("absent: zstd; its rows are left out");
    return [];
  }
  bench.note(
    "`tar x` leaves its files to the page cache; `ctxpack` syncs what goes into its store",
  );
  const archive = quote(join(bench.scratch, `${name}.tar.zst`));
  const [bash = "", ...script] = shell(
    `tar -cf - -C ${quote(dir)} . | zstd -q -1 -T2 -o ${archive}`,
  );
  const { status, stderr } = spawnSync(bash, script, { encoding: "utf8" });
  if (status !== 0) throw new Error(`tar | zstd: exit ${status}\n${stderr}`);
  const folder = (run: number, kind: string): string =>
    join(bench.scratch, `${kind}-${name}-${run}`);
  const extract = (kind: string, before: string): Omit<Contender, "name"> => ({
    prepare: (run) => mkdirSync(folder(run, kind)),
    leaves: (run) => [folder(run, kind)],
    argv: (run) =>
      shell(`${before} zstd -q -d -c ${archive} | tar -xf - -C ${quote(folder(run, kind))}`),
  });
  return [
    { name: "`zstd -d \\| tar x` (nothing checked)", ...extract("tar", "") },
    { name: "`sha256sum`, then `zstd -d \\| tar x`", ...extract("sum", `sha256sum ${archive};`) },
    ...(findProgram("openssl")
      ? [
          {
            name: "`openssl dgst -sha256`, then `zstd -d \\| tar x`",
            ...extract("openssl", `openssl dgst -sha256 ${archive};`),
          },
        ]
      : []),
  ];
}

/** Throws an Error unless two folders hold the same files. */
export function sameFiles(expected: string, found: string): void {
  const { status, stdout } = spawnSync("diff", ["-r", "-q", expected, found], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${found} is not ${expected}:\n${stdout}`);
}
