import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { type Corpus, scaledMix, tinyFiles } from "./corpus.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";

/** What the largest packs take: time, and above all memory, which should not grow with them. */
export const large: Question = {
  name: "large",
  byName: true,
  about: "`ctxpack seed` and `pull` of 50 MB to 10 GB and of a million files, for the peak memory",
  *rounds(bench) {
    const full = bench.scale === "full";
    for (const megabytes of full ? [50, 1_000, 10_000] : [2, 5]) {
      yield* measured(bench, `mix-${megabytes}`, {
        bytes: megabytes * 1e6,
        make: (dir) => scaledMix(dir, megabytes / 1000),
        last: "text/00/0000.txt",
      });
    }
    const files = full ? 1_000_000 : 2_000;
    yield* measured(bench, "tiny", {
      // A block each, in the corpus and in the store.
      bytes: files * 4096,
      make: (dir) => tinyFiles(dir, files),
      last: "0000/0000999.txt",
    });
  },
};

interface Size {
  /** About what the corpus takes on disk. */
  readonly bytes: number;
  make(dir: string): Corpus;
  /** A file for `cat`. */
  readonly last: string;
}

/** One after the other in one round: each needs what those before it left. */
function* measured(bench: Bench, name: string, size: Size): Iterable<Round> {
  const { bavail, bsize } = statfsSync(bench.scratch);
  // The corpus, a store and a pantry of blobs, a store of blobs and files.
  const needed = 5 * size.bytes;
  if (bavail * bsize < needed) {
    bench.note(`no room for ${name}: it needs ${(needed / 1e9).toFixed(0)} GB; left out`);
    return;
  }
  const folder = join(bench.scratch, name);
  const corpus = size.make(join(folder, "corpus"));
  const contract = writeContract(bench, name);
  const seeded = join(folder, "seeded");
  const pulled = join(folder, "pulled");
  const pantry = `oci:${join(folder, "pantry")}`;
  const uri = ctxpack(["id", contract], join(folder, "empty"));
  const command = (what: string, store: string, ...args: string[]): Contender => ({
    name: `\`ctxpack ${what}\``,
    argv: () => [...ctxpackCommand(), ...args],
    env: () => ({ CTXPACK_CACHE_DIR: store }),
    runs: 1,
  });
  yield {
    title: corpus.title,
    bytes: corpus.bytes,
    contenders: [
      command("seed", seeded, "seed", corpus.dir, "--contract", contract),
      command("ls <uri>", seeded, "ls", uri),
      command("cat <uri> <file>", seeded, "cat", uri, size.last),
      command("push", seeded, "push", uri, "--to", pantry),
      command("pull", pulled, "pull", uri, "--from", pantry),
    ],
  };
  // The next one needs the room; nothing small is measured after it.
  rmSync(folder, { recursive: true, force: true });
}
