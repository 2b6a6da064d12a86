import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Corpus } from "./corpus.ts";
import type { Contender } from "./measure.ts";
import { nodeCommand } from "./programs.ts";
import type { Bench } from "./question.ts";

const BARE = fileURLToPath(new URL("./bare.js", import.meta.url));

/** Starts Node and ends it. */
export const nodeStart: Contender = {
  name: "`node -e 0`",
  floor: true,
  argv: () => [process.execPath, "-e", "0"],
};

export function bareLook({ dir }: Corpus): Contender {
  return bare("one `lstat` of each file, in Node", () => ["look", dir]);
}

export function bareHash({ dir }: Corpus): Contender {
  return bare("SHA-256 of each file, in two threads of Node", () => ["hash", dir]);
}

export function bareDigest({ bytes }: Corpus): Contender {
  return bare("SHA-256 of as many bytes of memory, in Node", () => ["digest", String(bytes)]);
}

/** What has to be computed and written for a pack; some of what is left out is in the name. */
export function barePack({ dir }: Corpus, bench: Bench, name: string): Contender {
  const out = (run: number): string => join(bench.scratch, `bare-${name}-${run}.`);
  return {
    ...bare(
      "SHA-256 of files, segments and frames, zstd level 1, two files synced, in two threads of Node (no cuts, no store)",
      (run) => ["pack", dir, out(run)],
    ),
    leaves: (run) => [`${out(run)}0`, `${out(run)}1`],
  };
}

/** As many files as the corpus has, each as large as their mean. */
export function bareWrite({ files, bytes }: Corpus, bench: Bench): Contender {
  const out = (run: number): string => join(bench.scratch, `bare-${run}`);
  return {
    ...bare("SHA-256, open, write and close for each file, in two threads of Node", (run) => [
      "write",
      out(run),
      String(files),
      String(Math.round(bytes / files)),
    ]),
    prepare: (run) => mkdirSync(out(run)),
    leaves: (run) => [out(run)],
  };
}

function bare(name: string, argv: (run: number) => readonly string[]): Contender {
  return { name, floor: true, argv: (run) => [...nodeCommand(), BARE, ...argv(run)] };
}
