import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CurlPlace,
  curlDownload,
  curlRanges,
  curlUpload,
  curlUploadWhole,
  type PackBlob,
} from "../curl.ts";
import { ctxpack, ctxpackCommand, runProgram } from "../programs.ts";
import { sameFiles } from "../pull.ts";
import type { Bench, Figure, Round } from "../question.ts";
import { type Material, repositoryOf } from "./material.ts";
import type { Place } from "./place.ts";

/** At a time: enough to fill every link, and no more than a registry bears. */
const PARALLEL = 16;

interface Way {
  readonly material: Material;
  readonly place: Place;
  /** The registry's folder. */
  readonly data: string;
  readonly scratch: string;
}

/** All rounds of one pack over one link. */
export function* transfers(bench: Bench, way: Way): Iterable<Round> {
  mkdirSync(way.scratch);
  const runs = bench.scale === "full" ? runsOf(way) : 1;
  const rounds = [push, pull, pushEdited, pullEdited, readOne].flatMap((one) => one(way));
  for (const { contenders, ...round } of rounds) {
    // Over loopback the first time would be slower, of a cold cache; a link takes longer than that, and is as good the first time.
    if (way.place.speed === undefined) yield { ...round, contenders, runs };
    else yield { ...round, contenders: contenders.map((one) => ({ ...one, runs })) };
  }
}

/** The gigabyte takes a minute over a slow link, and the link takes what little changes from run to run out of it. */
function runsOf({ material, place }: Way): number {
  if (material.name === "index") return 5;
  return (place.speed?.rateMbit ?? Number.POSITIVE_INFINITY) < 1000 ? 1 : 3;
}

function push(way: Way): Round[] {
  const { material, place, scratch } = way;
  const { blobs, uri } = material.before;
  const ours = (run: number): string => `ours/${material.name}-${place.id}-${run}`;
  return [
    {
      ...heading(way, "Push", blobs),
      contenders: [
        {
          name: "`ctxpack push`",
          argv: (run) => client(way, "push", uri, "--to", `${place.host}/${ours(run)}`),
          env: () => ({ CTXPACK_CACHE_DIR: material.seeded }),
        },
        curlUploadWhole(curlPlace(way, "put"), material.wholeFile),
        curlUpload(curlPlace(way, "put"), material.seeded, blobs, PARALLEL),
      ],
      check: () => {
        const store = join(scratch, "pushed");
        const from = `${place.host}/${ours(0)}`;
        const [program = "", ...args] = client(way, "exists", uri, "--from", from);
        runProgram("env", [`CTXPACK_CACHE_DIR=${store}`, program, ...args]);
      },
    },
  ];
}

function pull(way: Way): Round[] {
  const { material, place, scratch } = way;
  const { blobs, uri, dir } = material.before;
  const repository = repositoryOf(material.name).before;
  const store = (run: number): string => join(scratch, `pulled-${run}`);
  const origin = curlPlace(way, "get");
  const bytes = sum(blobs);
  const isSlow = (place.speed?.rateMbit ?? 1000) < 1000 && material.name === "gigabyte";
  return [
    {
      ...heading(way, "Pull", blobs),
      contenders: [
        {
          name: "`ctxpack pull`",
          argv: () => client(way, "pull", uri, "--from", `${place.host}/${repository}`),
          env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
          leaves: (run) => [store(run)],
        },
        ...(isSlow ? [PARALLEL] : [1, PARALLEL]).map((parallel) =>
          curlRanges(origin, `${origin.origin}${material.whole}`, bytes, parallel),
        ),
        curlDownload(origin, repository, blobs, PARALLEL),
      ],
      check: () => sameFiles(dir, ctxpack(["pull", uri], store(0))),
    },
  ];
}

/** The registry has the version before; each run has a repository of its own that is as it was then. */
function pushEdited(way: Way): Round[] {
  const { material, place, data, scratch } = way;
  const { fresh, after, seeded } = material;
  const ours = (run: number): string => `edited/${material.name}-${place.id}-${run}`;
  const folder = (repository: string): string =>
    join(data, "docker/registry/v2/repositories", repository);
  const told = join(scratch, "push-edited.json");
  return [
    {
      ...heading(way, "Push after an edit of 1 %", fresh),
      contenders: [
        {
          name: "`ctxpack push`",
          prepare: (run) =>
            cpSync(folder(repositoryOf(material.name).before), folder(ours(run)), {
              recursive: true,
            }),
          argv: (run) =>
            client(way, "push", after.uri, "--to", `${place.host}/${ours(run)}`, "--json"),
          env: () => ({ CTXPACK_CACHE_DIR: seeded }),
          output: () => told,
        },
        curlUpload(curlPlace(way, "put-edited"), seeded, fresh, PARALLEL),
      ],
      figures: () => moved("sent", read<{ bytes: { sent: number } }>(told).bytes.sent, after.blobs),
    },
  ];
}

/** A store that has the version before, and a registry that has both. */
function pullEdited(way: Way): Round[] {
  const { material, place, scratch } = way;
  const { fresh, after, held } = material;
  const repository = repositoryOf(material.name).both;
  const store = (run: number): string => join(scratch, `updated-${run}`);
  const told = join(scratch, "pull-edited.json");
  return [
    {
      ...heading(way, "Pull after an edit of 1 %", fresh),
      contenders: [
        {
          name: "`ctxpack pull`",
          prepare: (run) => void runProgram("cp", ["-a", held, store(run)]),
          argv: () =>
            client(way, "pull", after.uri, "--from", `${place.host}/${repository}`, "--json"),
          env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
          leaves: (run) => [store(run)],
          output: () => told,
        },
        curlDownload(curlPlace(way, "get-edited"), repository, fresh, PARALLEL),
      ],
      check: () => sameFiles(after.dir, ctxpack(["pull", after.uri], store(0))),
      figures: () =>
        moved("fetched", read<{ bytes: { fetched: number } }>(told).bytes.fetched, after.blobs),
    },
  ];
}

function readOne(way: Way): Round[] {
  const { material, place, scratch } = way;
  const { file, before, name } = material;
  if (!file) return [];
  const repository = repositoryOf(name).before;
  const store = (run: number): string => join(scratch, `reading-${run}`);
  const output = (run: number): string => join(scratch, `one-${run}`);
  return [
    {
      ...heading(way, "One file of many", file.blobs),
      contenders: [
        {
          name: "`ctxpack cat`",
          argv: () =>
            client(way, "cat", before.uri, file.path, "--from", `${place.host}/${repository}`),
          env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
          output,
        },
        curlDownload(curlPlace(way, "get-one"), repository, file.blobs, PARALLEL),
      ],
      check: () => runProgram("cmp", [join(before.dir, file.path), output(0)]),
      figures: () => moved("fetched", sum(file.blobs), before.blobs),
    },
  ];
}

/** What one link has in common. */
function heading({ material, place }: Way, what: string, blobs: readonly PackBlob[]) {
  return {
    title: `${what}: ${material.title} over ${place.title}`,
    chart: `${what}: ${material.title}`,
    bytes: sum(blobs),
  };
}

function client({ place }: Way, ...args: readonly string[]): readonly string[] {
  return [...place.inside, ...ctxpackCommand(), ...args];
}

/** A folder of their own for what several rounds do with curl. */
function curlPlace({ place, scratch, material }: Way, what: string): CurlPlace {
  const folder = join(scratch, what);
  mkdirSync(folder, { recursive: true });
  return {
    scratch: folder,
    origin: `http://${place.host}`,
    inside: place.inside,
    repository: `curl/${what}-${material.name}-${place.id}`,
  };
}

function moved(what: string, value: number, all: readonly PackBlob[]): Figure[] {
  return [
    { of: "`ctxpack`", what, unit: "bytes", value },
    { of: "`ctxpack`", what: "the whole pack", unit: "bytes", value: sum(all) },
  ];
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function sum(blobs: readonly PackBlob[]): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}
