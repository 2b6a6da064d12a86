import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { blobsOf, curlDownload, curlUpload } from "./curl.ts";
import { ctxpack, ctxpackCommand, findProgram } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { RegistryServer } from "./registry-server.ts";
import { writeContract } from "./seed.ts";

/** What a transfer through a registry on the same machine costs beside the bytes themselves. */
export const registry: Question = {
  name: "registry",
  about: "push and pull through a registry on loopback, against curl of the same blobs",
  programs: ["docker-registry", "curl"],
  whys: {
    "sessions open":
      "`curl` is given its list and its upload sessions before the clock starts, and pushes no manifest; ours asks what is there, " +
      "opens the sessions and, when it moves a tag, looks again after half a second whether the tag is its own.",
    "nothing checked":
      "`curl` leaves the blobs as they came: no digest is computed, nothing is unpacked, no file of the pack is written.",
  },
  *rounds(bench) {
    if (!findProgram("docker-registry") || !findProgram("curl")) {
      bench.note("absent: docker-registry or curl; the rows of `registry` are left out");
      return;
    }
    const names = bench.scale === "full" ? (["texts", "mixed"] as const) : (["texts"] as const);
    for (const name of names) yield* transfers(bench, name);
  },
};

function* transfers(bench: Bench, name: "texts" | "mixed"): Iterable<Round> {
  const corpus = bench.corpus(name);
  const seeded = join(bench.scratch, `seeded-${name}`);
  const uri = ctxpack(["seed", corpus.dir, "--contract", writeContract(bench, name)], seeded);
  using server = new RegistryServer({
    dir: join(bench.scratch, `server-${name}`),
    address: "127.0.0.1",
  });
  const blobs = blobsOf(seeded);
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const place = { scratch: join(bench.scratch, `curl-${name}`), origin: `http://${server.host}` };
  mkdirSync(place.scratch);
  const packed = `${(bytes / 1e6).toFixed(0)} MB of blobs`;
  yield {
    title: `Push ${corpus.title} to a registry (${packed})`,
    bytes,
    contenders: [
      {
        name: "`ctxpack push`",
        argv: (run) => [
          ...ctxpackCommand(),
          "push",
          uri,
          "--to",
          `${server.host}/ours/${name}-${run}`,
        ],
        env: () => ({ CTXPACK_CACHE_DIR: seeded }),
      },
      curlUpload(place, seeded, blobs, 1),
      curlUpload(place, seeded, blobs, 4),
    ],
  };
  const from = `${server.host}/ours/${name}-0`;
  const pantry = `oci:${join(bench.scratch, `pantry-${name}`)}`;
  ctxpack(["push", uri, "--to", pantry], seeded);
  const store = (kind: string, run: number): string =>
    join(bench.scratch, `${kind}-${name}-${run}`);
  const pulling = (kind: string, source: string) => ({
    argv: () => [...ctxpackCommand(), "pull", uri, "--from", source],
    env: (run: number) => ({ CTXPACK_CACHE_DIR: store(kind, run) }),
    leaves: (run: number) => [store(kind, run)],
  });
  yield {
    title: `Pull ${corpus.title} from a registry (${packed})`,
    bytes,
    contenders: [
      { name: "`ctxpack pull`", ...pulling("pulled", from) },
      {
        name: "`ctxpack pull` from a folder: the part that is no network",
        ...pulling("local", pantry),
      },
      ...[1, 4, 16].map((parallel) => curlDownload(place, `ours/${name}-0`, blobs, parallel)),
    ],
    check: () => {
      const pulled = ctxpack(["pull", uri], store("pulled", 0));
      const { status, stdout } = spawnSync("diff", ["-rq", corpus.dir, pulled], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`what was pulled is not what was seeded:\n${stdout}`);
    },
  };
}
