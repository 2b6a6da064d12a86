import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { artifactAndBundle } from "./corpus.ts";
import type { Contender } from "./measure.ts";
import { ctxpack, ctxpackCommand, findProgram, quote, shell } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";

/** What proving a large artifact costs beside the hashing itself, in time and in memory. */
export const proof: Question = {
  name: "proof",
  about:
    "`ctxpack proof create` and `verify` of 1 GB and 220 files, against `openssl dgst -sha256` in one process and two",
  programs: ["openssl"],
  whys: {
    xargs:
      "It prints digests and compares them with nothing; it starts in a few milliseconds, and reads two files at a time.",
    openssl:
      "It prints digests and compares them with nothing; it starts in a few milliseconds, and reads one file after the other.",
  },
  *rounds(bench) {
    yield envelope(bench);
  },
};

function envelope(bench: Bench): Round {
  const corpus = artifactAndBundle(join(bench.scratch, "corpus"), bench.scale);
  const artifact = join(corpus.dir, "artifact.bin");
  const folder = join(corpus.dir, "bundle");
  const bundle = readdirSync(folder).map((name) => join(folder, name));
  const runtime = join(bench.scratch, "runtime.json");
  writeFileSync(runtime, '{"model":"benchmark"}');
  const create = (out: string) => [
    ...["proof", "create", artifact, "--runtime", runtime, "--out", out],
    ...bundle.flatMap((path) => ["--bundle", path]),
  ];
  const proved = join(corpus.dir, "artifact.bin.proof.json");
  ctxpack(create(proved), bench.scratch);
  const contenders: Contender[] = [
    {
      name: "`ctxpack proof verify`",
      argv: () => [...ctxpackCommand(), "proof", "verify", proved],
    },
    {
      name: "`ctxpack proof create`",
      argv: (run) => [...ctxpackCommand(), ...create(join(corpus.dir, `${run}.proof.json`))],
    },
  ];
  const openssl = findProgram("openssl") !== undefined;
  if (!openssl) bench.note("absent: openssl; its row is left out");
  else {
    const files = [artifact, ...bundle];
    const listed = `printf '%s\\0' ${files.map(quote).join(" ")}`;
    contenders.push(
      {
        name: "`openssl dgst -sha256` in one process",
        argv: () => ["openssl", "dgst", "-sha256", ...files],
      },
      {
        // The artifact keeps one process busy longer than all the others keep the other.
        name: "`xargs -0 -P2 -n 20 openssl dgst -sha256`",
        argv: () => shell(`${listed} | xargs -0 -P2 -n 20 openssl dgst -sha256`),
      },
    );
  }
  return {
    title: `A proof of ${corpus.title}`,
    reads: [corpus.dir],
    bytes: corpus.bytes,
    contenders,
    check: () => {
      if (openssl) expectDigest(proved, artifact);
    },
  };
}

/** The envelope has the digest that openssl computes. */
function expectDigest(proved: string, artifact: string): void {
  const { hex } = JSON.parse(readFileSync(proved, "utf8")).artifact.contentHash;
  const { stdout } = spawnSync("openssl", ["dgst", "-sha256", "-r", artifact], {
    encoding: "utf8",
  });
  if (stdout.slice(0, 64) !== hex) throw new Error(`openssl says ${stdout}, the proof ${hex}`);
}
