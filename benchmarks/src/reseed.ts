import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { backupPrograms } from "./backup.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, runProgram } from "./programs.ts";
import { sameFiles } from "./pull.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";
import { settle } from "./settle.ts";

/** How long storing a folder takes that was stored before. */
export const reseed: Question = {
  name: "reseed",
  about: "store a folder again, unchanged or 1 % changed, against storing it first, restic, borg",
  programs: ["restic", "borg"],
  whys: {
    "one in each folder":
      "Its chunks hold bytes of one file each, and beside the files that changed nothing is read. Ours cuts one tar into " +
      "400 pieces at most, so that a pack stays few blobs: with each file that changed, the 4 MB around it are read, hashed and compressed again, " +
      "a third of all of it where 80 files are strewn over everything.",
  },
  *rounds(bench) {
    yield reseeding(bench);
  },
};

/** Changes one file in a hundred; another set and another content for each run. */
type Edit = (folder: string, run: number) => void;

/** A folder that is stored again and again. */
interface Stored {
  readonly folder: string;
  /** What became of it since the last time; a part of the name of the row of ours. */
  readonly what: string;
  prepare?(run: number): void;
}

function reseeding(bench: Bench): Round {
  const corpus = bench.corpus("mixed");
  const contract = writeContract(bench, "reseed");
  const command = (dir: string): readonly string[] => [
    ...ctxpackCommand(),
    "seed",
    dir,
    "--contract",
    contract,
  ];
  const fresh = (run: number): string => join(bench.scratch, `fresh-${run}`);
  const known = join(bench.scratch, "known");
  settle();
  ctxpack(["seed", corpus.dir, "--contract", contract], known);
  const edited = (
    [
      ["1 % of the files changed, in one folder", editFolder],
      ["1 % of the files changed, one in each folder", editScattered],
    ] as const
  ).map(([what, edit], i) => editing(bench, contract, { what, edit, name: `edited-${i}` }));
  return {
    title: `Seed again: ${corpus.title}`,
    reads: [corpus.dir, ...edited.map(({ folder }) => folder)],
    bytes: corpus.bytes,
    contenders: [
      {
        name: "`ctxpack seed`, the first time",
        argv: () => command(corpus.dir),
        env: (run) => ({ CTXPACK_CACHE_DIR: fresh(run) }),
        leaves: (run) => [fresh(run)],
      },
      {
        name: "`ctxpack seed` again, unchanged",
        argv: () => command(corpus.dir),
        env: () => ({ CTXPACK_CACHE_DIR: known }),
      },
      ...edited.map(({ contender }) => contender),
      ...backups(bench, [{ folder: corpus.dir, what: "unchanged" }, ...edited]),
    ],
    check: () => {
      for (const { check } of edited) check();
    },
  };
}

function editing(
  bench: Bench,
  contract: string,
  o: { readonly what: string; readonly edit: Edit; readonly name: string },
): Stored & { readonly contender: Contender; check(): void } {
  const folder = join(bench.scratch, o.name);
  const store = join(bench.scratch, `${o.name}-store`);
  runProgram("cp", ["-a", bench.corpus("mixed").dir, folder]);
  settle();
  const args = ["seed", folder, "--contract", contract];
  const uri = ctxpack(args, store);
  let edited = -1;
  // In place and once for each run, whoever comes first: all that store this folder find the same edit.
  const prepare = (run: number): void => {
    if (run === edited) return;
    o.edit(folder, run);
    settle();
    edited = run;
  };
  return {
    folder,
    what: o.what,
    prepare,
    contender: {
      name: `\`ctxpack seed --replace\`, ${o.what}`,
      prepare,
      argv: () => [...ctxpackCommand(), ...args, "--replace"],
      env: () => ({ CTXPACK_CACHE_DIR: store }),
    },
    check: () => sameFiles(folder, ctxpack(["pull", uri], store)),
  };
}

const editFolder: Edit = (folder, run) => {
  const folders = textFolders(folder);
  const files = folders.flat().length;
  const chosen = folders[(run * 13 + 5) % folders.length] ?? [];
  for (const file of chosen.slice(0, Math.ceil(files / 100))) overwrite(file, run);
};

const editScattered: Edit = (folder, run) => {
  const folders = textFolders(folder);
  const files = folders.flat().length;
  for (const chosen of folders.slice(0, Math.ceil(files / 100))) {
    overwrite(chosen[(run * 13 + 5) % chosen.length] ?? "", run);
  }
};

/** The text files by folder, in order. */
function textFolders(folder: string): string[][] {
  const texts = join(folder, "text");
  return readdirSync(texts)
    .sort()
    .map((name) =>
      readdirSync(join(texts, name))
        .sort()
        .map((file) => join(texts, name, file)),
    );
}

function overwrite(file: string, run: number): void {
  const fd = openSync(file, "r+");
  try {
    writeSync(fd, `a sentence that was not there before run ${run} `, 10_000);
  } finally {
    closeSync(fd);
  }
}

/** The second backup of each folder, and the third, …; all in one repository, which holds what they share once. */
function backups(bench: Bench, folders: readonly Stored[]): Contender[] {
  return backupPrograms(bench).flatMap((program, i) => {
    const home = join(bench.scratch, `backup-${i}`);
    const repository = program.repository(home);
    mkdirSync(home);
    repository.init();
    return folders.map(({ folder, what, prepare }, j): Contender => {
      const [file = "", ...args] = repository.backup(folder, `first-${j}`);
      runProgram(file, args);
      return {
        name: `${program.name} again, ${what}`,
        against: what,
        ...(prepare && { prepare }),
        argv: (run) => repository.backup(folder, `again-${j}-${run}`),
      };
    });
  });
}
