import { mkdirSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Corpus, scaledMix, tinyFiles } from "../corpus.ts";
import { type Contender, giveSpaceBack, type Measurement } from "../measure.ts";
import {
  ctxpack,
  ctxpackCommand,
  findProgram,
  nodeCommand,
  quote,
  runProgram,
  shell,
} from "../programs.ts";
import type { Bench, Details, Growth, Question, Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { exponentOf, exponentText, lastSlopeOf } from "../report/growth.ts";
import { writeContract } from "../seed.ts";
import { settle } from "../settle.ts";
import { FULL, REGISTRY_CPU, type Sizes, SMOKE } from "./sizes.ts";

const FILL = fileURLToPath(new URL("../fill-store.ts", import.meta.url));

/** What more of something costs: the exponent of CPU seconds, beside that of the wall, which depends on who else is there. */
export const scale: Question = {
  name: "scale",
  about:
    "100 to 100,000 files, 10 MB to 20 GB, 10 to 100,000 packs in a store, 1 to 64 clients on a registry",
  byName: true,
  programs: ["docker-registry", "curl"],
  *rounds(bench) {
    const sizes = bench.scale === "full" ? FULL : SMOKE;
    yield files(bench, sizes.files);
    yield* bytes(bench, sizes.bytes);
    if (findProgram("docker-registry") && findProgram("curl")) yield* clients(bench, sizes);
    else bench.note("absent: docker-registry or curl; the clients are left out");
    // Last: filling the largest store takes longer than all else.
    yield packs(bench, sizes.packs);
  },
};

/** One row of a curve. */
function point(grows: Growth, rest: Omit<Contender, "name" | "grows">): Contender {
  const size = grows.size.toLocaleString("en");
  return { name: `\`ctxpack\` ${grows.what}: ${size} ${grows.unit}`, ours: true, grows, ...rest };
}

function seeding(bench: Bench, what: string, corpus: Corpus, unit: "files" | "bytes"): Contender {
  const contract = writeContract(bench, what);
  const store = (run: number): string => storeOf(bench, corpus, unit, run);
  return point(
    { what, size: corpus[unit], unit },
    {
      argv: () => [...ctxpackCommand(), "seed", corpus.dir, "--contract", contract],
      env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
      leaves: (run) => [store(run)],
    },
  );
}

function storeOf(bench: Bench, corpus: Corpus, unit: "files" | "bytes", run: number): string {
  return join(bench.scratch, `store-${corpus[unit]}-${unit}-${run}`);
}

function files(bench: Bench, sizes: readonly number[]): Round {
  const all = sizes.map((size) => tinyFiles(join(bench.scratch, `files-${size}`), size));
  settle();
  return {
    title: "More files: `seed` of files of 1 KB",
    chart: "files",
    runs: 3,
    reads: all.map(({ dir }) => dir),
    contenders: all.map((corpus) => seeding(bench, "seed, by files", corpus, "files")),
    details: perUnit,
  };
}

/** As many as the disk has room for: the corpora, the store of each, and that of the largest once more take twice as much. */
function* bytes(bench: Bench, sizes: readonly number[]): Iterable<Round> {
  const { bavail, bsize } = statfsSync(bench.scratch);
  const room = sizes.filter((_, at) => 2.2 * sum(sizes.slice(0, at + 1)) < bavail * bsize);
  const left = sizes.slice(room.length);
  if (left.length > 0)
    bench.note(
      `no room on the disk for ${left.map((size) => `${size / 1e6} MB`).join(", ")}; left out`,
    );
  if (sum(room) > totalmem())
    bench.note(
      `${sum(room) / 1e9} GB of files do not fit into the memory of ${(totalmem() / 2 ** 30).toFixed(0)} GiB: ` +
        "what is not in the page cache any more is read from the disk, so that large points are cold and small ones are not",
    );
  const all = room.map((size) => scaledMix(join(bench.scratch, `bytes-${size}`), size / 1e9));
  settle();
  yield {
    title: "More bytes: `seed` of the mixed corpus",
    chart: "bytes",
    runs: 1,
    contenders: all.map((corpus) => seeding(bench, "seed, by bytes", corpus, "bytes")),
    details: perUnit,
  };
  // The rounds after it have a disk to fill, too.
  for (const corpus of all) {
    giveSpaceBack(corpus.dir);
    giveSpaceBack(storeOf(bench, corpus, "bytes", 0));
  }
}

function packs(bench: Bench, sizes: readonly number[]): Round {
  const filled = sizes.map((size) => {
    const store = join(bench.scratch, `packs-${size}`);
    const [program = "", ...args] = [...nodeCommand(), FILL, store, String(size)];
    runProgram(program, args);
    const [line = ""] = ctxpack(["ls", "--plain"], store).split("\n");
    return { size, store, uri: line.match(/ctx:\/\/\S+/)?.[0] ?? "" };
  });
  const commands = [
    { what: "ls", args: () => ["ls"] },
    { what: "pull, a hit", args: (uri: string) => ["pull", uri] },
    { what: "gc, nothing to do", args: () => ["gc"] },
  ];
  return {
    title: "More packs in a store",
    chart: "packs",
    runs: 3,
    contenders: commands.flatMap(({ what, args }) =>
      filled.map(({ size, store, uri }) =>
        point(
          { what, size, unit: "packs" },
          {
            argv: () => [...ctxpackCommand(), ...args(uri)],
            env: () => ({ CTXPACK_CACHE_DIR: store }),
          },
        ),
      ),
    ),
    details: perUnit,
  };
}

/** All of them at once, each into a store of its own, on as many cores as there are: the registry has its share of these. */
function* clients(bench: Bench, { clients: sizes, pulled }: Sizes): Iterable<Round> {
  const corpus = scaledMix(join(bench.scratch, "shared"), pulled / 1e9);
  const seeded = join(bench.scratch, "shared-store");
  const uri = ctxpack(["seed", corpus.dir, "--contract", writeContract(bench, "shared")], seeded);
  using server = new RegistryServer({ dir: join(bench.scratch, "registry"), address: "127.0.0.1" });
  const from = `${server.host}/scale/shared`;
  ctxpack(["push", uri, "--to", from], seeded);
  const folder = (size: number, run: number): string =>
    join(bench.scratch, `clients-${size}-${run}`);
  const before = server.cpuSeconds();
  let pulls = 0;
  yield {
    title: `More clients: each pulls ${corpus.title} from one registry`,
    chart: "clients",
    runs: 3,
    contenders: sizes.map((size) =>
      point(
        { what: "pull", size, unit: "clients" },
        {
          prepare: (run) => {
            mkdirSync(folder(size, run));
            pulls += size;
          },
          argv: (run) =>
            shell(
              together(size, folder(size, run), [...ctxpackCommand(), "pull", uri, "--from", from]),
            ),
          leaves: (run) => [folder(size, run)],
        },
      ),
    ),
    details: perUnit,
    // Of all rounds, the one that does not count too: the registry's clock knows no rounds.
    figures: () => {
      const after = server.cpuSeconds();
      if (before === undefined || after === undefined) return [];
      return [{ ...REGISTRY_CPU, value: (after - before) / pulls }];
    },
  };
}

/** Fails when one of them does, and ends the others: they would be measured with whatever comes next. */
function together(count: number, folder: string, command: readonly string[]): string {
  const line = command.map(quote).join(" ");
  return (
    "all=; trap 'kill $all 2>/dev/null || true' EXIT; " +
    `for i in $(seq ${count}); do CTXPACK_CACHE_DIR=${quote(folder)}/$i ${line} > /dev/null & all="$all $!"; done; ` +
    // Nothing is killed that ended well: its number may be somebody else's by now.
    "for one in $all; do wait $one; done; trap - EXIT"
  );
}

/** What each costs, and the exponents of each curve. Those of clients are of N processes that share a registry and the cores. */
function perUnit(measured: readonly Measurement[]): Details {
  const points = measured.flatMap((one) => (one.grows ? [{ ...one, grows: one.grows }] : []));
  const curves = Map.groupBy(points, ({ grows }) => grows.what);
  const rows = points.map(({ grows, cpu, wall, peak }) => {
    const cost = (one: { readonly cpu?: number; readonly wall: { readonly median: number } }) =>
      one.cpu ?? one.wall.median;
    const curve = curves.get(grows.what) ?? [];
    const costs = curve.map((one) => [one.grows.size, cost(one)] as const);
    const walls = curve.map((one) => [one.grows.size, one.wall.median] as const);
    const each = (seconds: number): string => ((seconds / grows.size) * 1e6).toPrecision(3);
    return [
      grows.what,
      `${grows.size.toLocaleString("en")} ${grows.unit}`,
      each(wall.median),
      cpu === undefined ? "–" : each(cpu),
      peak === undefined ? "–" : peak.toFixed(0),
      ...[exponentOf(costs), lastSlopeOf(costs), exponentOf(walls)].map((slope) =>
        slope === undefined ? "–" : exponentText(slope),
      ),
    ];
  });
  const head = ["", "of", "µs each", "CPU µs each", "peak MiB", "exponent of CPU"];
  return { head: [...head, "of its last two", "of the wall"], rows };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}
