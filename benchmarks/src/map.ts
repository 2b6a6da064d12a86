import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Corpus, tinyFiles } from "./corpus.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, runProgram } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { settle } from "./settle.ts";

/** How long a command for every file takes, and how long one for none of them. */
export const map: Question = {
  name: "map",
  about: "`map` over 10,000 small files: first, again, one touched, changed, removed; make -j2",
  programs: ["make"],
  whys: {
    make:
      "It compares two times of each file and starts `tr`; what a file holds, which command made it and whether it is whole " +
      "it does not know, and another machine gets nothing from it.",
  },
  *rounds(bench) {
    const corpus = tinyFiles(join(bench.scratch, "docs"), bench.scale === "full" ? 10_000 : 40);
    yield first(bench, corpus);
    yield again(bench, corpus);
    yield elsewhere(bench, corpus);
  },
};

/** What is done to a file; with several files for one command it is done to each. */
const COMMAND = [
  "sh",
  "-c",
  'while test $# -gt 0; do tr a-z A-Z < "$1" > "$2"; shift 2; done',
  "sh",
  "{in}",
  "{out}",
];

/** A folder that is mapped, where its results go, and the store that knows them. */
interface Place {
  readonly docs: string;
  readonly out: string;
  readonly store: string;
}

function argsOf({ docs, out }: Place, flags: readonly string[]): readonly string[] {
  const where = ["--in", `${docs}/**/*.txt`, "--out", `${out}/{path}`];
  return ["map", ...where, "-j", "2", ...flags, "--", ...COMMAND];
}

function mapping(
  name: string,
  place: Place,
  more: Partial<Contender> & { flags?: string[] } = {},
): Contender {
  const { flags = [], ...rest } = more;
  return {
    name,
    argv: () => [...ctxpackCommand(), ...argsOf(place, flags)],
    env: () => ({ CTXPACK_CACHE_DIR: place.store }),
    ...rest,
  };
}

function first(bench: Bench, corpus: Corpus): Round {
  const at = (name: string): Place => ({
    docs: corpus.dir,
    out: join(bench.scratch, `${name}-out`),
    store: join(bench.scratch, `${name}-store`),
  });
  const [one, many] = [at("one"), at("many")];
  const once = { runs: 1 };
  const making = makes(bench, corpus.dir, join(bench.scratch, "make-out"));
  return {
    title: `The first time: ${corpus.title}, \`tr\` for each`,
    contenders: [
      mapping("`ctxpack map -j 2`", one, once),
      mapping("`ctxpack map -j 2 --batch 50`", many, { ...once, flags: ["--batch", "50"] }),
      ...(making ? [{ name: "`make -j2`", argv: () => making, ...once }] : []),
    ],
    check: () => {
      runProgram("diff", ["-r", one.out, many.out]);
      if (making) runProgram("diff", ["-r", one.out, join(bench.scratch, "make-out")]);
    },
  };
}

/** A copy of the folder whose results a store of its own knows. */
function known(bench: Bench, corpus: Corpus, name: string, flags: readonly string[] = []): Place {
  const place = {
    docs: join(bench.scratch, `${name}-docs`),
    out: join(bench.scratch, `${name}-out`),
    store: join(bench.scratch, `${name}-store`),
  };
  runProgram("cp", ["-a", corpus.dir, place.docs]);
  settle();
  ctxpack(argsOf(place, ["--batch", "500", ...flags]), place.store);
  return place;
}

function again(bench: Bench, corpus: Corpus): Round {
  const same = known(bench, corpus, "same");
  const touched = known(bench, corpus, "touched");
  const changed = known(bench, corpus, "changed");
  const removed = known(bench, corpus, "removed");
  // Of its own: a file that changes between two runs of ours would be one more that changed for them.
  const makeDocs = join(bench.scratch, "make-docs");
  runProgram("cp", ["-a", corpus.dir, makeDocs]);
  const making = makes(bench, makeDocs, join(bench.scratch, "make-changed"));
  const edit = (docs: string, run: number): void =>
    writeFileSync(fileOf(docs, run), `changed ${run}\n`);
  return {
    title: `Again: ${corpus.title}`,
    contenders: [
      mapping("`ctxpack map`, unchanged", same),
      mapping("`ctxpack map`, one touched", touched, {
        prepare: (run) => utimesSync(fileOf(touched.docs, run), run + 1, run + 1),
      }),
      mapping("`ctxpack map`, one changed", changed, {
        prepare: (run) => edit(changed.docs, run),
      }),
      mapping("`ctxpack map`, one removed", removed, {
        prepare: (run) => rmSync(fileOf(removed.docs, run)),
      }),
      ...(making
        ? [
            {
              name: "`make -j2`, unchanged",
              against: "unchanged",
              argv: () => making,
              prepare: () => void runMake(making),
            },
            {
              name: "`make -j2`, one changed",
              against: "one changed",
              argv: () => making,
              prepare: (run: number) => edit(makeDocs, run),
            },
          ]
        : []),
    ],
    check: () => {
      ctxpack(argsOf(changed, []), changed.store);
      if (!making) return;
      runMake(making);
      runProgram("diff", ["-r", changed.out, join(bench.scratch, "make-changed")]);
    },
  };
}

function elsewhere(bench: Bench, corpus: Corpus): Round {
  const pantry = join(bench.scratch, "pantry");
  const flags = ["--push", "--to", `oci:${pantry}`];
  const pushed = known(bench, corpus, "pushed", flags);
  const changed = join(bench.scratch, "changed-there-docs");
  runProgram("cp", ["-a", corpus.dir, changed]);
  writeFileSync(fileOf(changed, 7), "changed\n");
  settle();
  const fresh = (name: string, docs: string): Contender => {
    const at = (run: number): Place => ({
      docs,
      out: join(bench.scratch, `${name}-out-${run}`),
      store: join(bench.scratch, `${name}-store-${run}`),
    });
    return {
      name: `\`ctxpack map\`, ${name}`,
      argv: (run) => [...ctxpackCommand(), ...argsOf(at(run), [])],
      env: (run) => ({ CTXPACK_CACHE_DIR: at(run).store, CTXPACK_REGISTRY: `oci:${pantry}` }),
      leaves: (run) => [at(run).out, at(run).store],
    };
  };
  return {
    title: `On another machine, with the pantry: ${corpus.title}`,
    contenders: [fresh("nothing changed", pushed.docs), fresh("one changed", changed)],
    check: () => {
      runProgram("diff", ["-r", pushed.out, join(bench.scratch, "nothing changed-out-0")]);
    },
  };
}

/** The command line of a make that does the same for a folder; `undefined` where there is none. */
function makes(bench: Bench, docs: string, out: string): readonly string[] | undefined {
  if (findProgram("make") === undefined) {
    bench.note("absent: make; its rows are left out");
    return undefined;
  }
  const file = `${out}.mk`;
  const rules = [
    `FILES := $(shell find ${docs} -name '*.txt')`,
    `all: $(FILES:${docs}/%=${out}/%)`,
    `$(shell find ${docs} -type d -printf '${out}/%P\\0' | xargs -0 mkdir -p)`,
    `${out}/%: ${docs}/%`,
    "\t@tr a-z A-Z < $< > $@",
  ];
  writeFileSync(file, `${rules.join("\n")}\n`);
  return ["make", "-s", "-j2", "-f", file];
}

function runMake([program = "", ...args]: readonly string[]): string {
  return runProgram(program, args);
}

/** Another file for each run. */
function fileOf(docs: string, run: number): string {
  const [folder = ""] = readdirSync(docs).sort();
  const names = readdirSync(join(docs, folder)).sort();
  return join(docs, folder, names[(run * 3 + 1) % names.length] as string);
}
