import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Contender, Measurement } from "../measure.ts";
import { ctxpack, ctxpackCommand, findProgram, nodeCommand, runProgram } from "../programs.ts";
import type { Bench, Details, Question, Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { CHUNK_SIZES, CHUNKS, type ChunkSize, Project, PUBLISHED } from "./project.ts";

const HITS = fileURLToPath(new URL("../hits.js", import.meta.url));

/** The first prototype's published run, again: what it measured, and what it did not. */
export const published: Question = {
  name: "published",
  about: "the prototype's published run: cold, warm, another parameter; and one byte of one page",
  programs: ["docker-registry"],
  *rounds(bench) {
    const project = new Project(join(bench.scratch, "project"), bench);
    for (const size of CHUNK_SIZES) expectPublished(project, size);
    simulated(bench, project);
    const hasRegistry = findProgram("docker-registry") !== undefined && findProgram("curl");
    if (!hasRegistry) bench.note("absent: docker-registry or curl; nothing is pulled");
    using server = hasRegistry
      ? new RegistryServer({ dir: join(bench.scratch, "registry"), address: "127.0.0.1" })
      : undefined;
    yield scenarios(bench, project, server && `${server.host}/published`);
  },
};

function expectPublished(project: Project, size: ChunkSize): void {
  const found = project.v0(size);
  if (found !== PUBLISHED[size]) {
    throw new Error(
      `chunk_size ${size} is ${found} by profile v0, published is ${PUBLISHED[size]}`,
    );
  }
}

function simulated(bench: Bench, project: Project): void {
  const { files, bytes } = project.corpus;
  bench.note(
    "simulated, as in the published run: no model and no OCR is run; " +
      `the work on each of six chunks is ${bench.noSleep ? "left out (`--no-sleep`)" : `a pause of ${project.pauseMs / 1000} s`}, the vectors are pseudo-random`,
  );
  bench.note(
    `real: ${files.toLocaleString("en")} pages of ${(bytes / 1e6).toFixed(0)} MB are read and hashed, and decide the vectors; ` +
      "`index.vec` is written, cut, hashed, compressed and stored; whole processes are timed",
  );
}

/** They follow one another in one store for each round: the next one finds what the one before left. */
function scenarios(bench: Bench, project: Project, pantry: string | undefined): Round {
  const store = (run: number): string => join(bench.scratch, `store-${run}`);
  const told = (name: string, run: number): string => join(bench.scratch, `${name}-${run}.json`);
  const uris = new Map<string, string>();
  const running = (
    name: string,
    what: string,
    o: { readonly size: ChunkSize; readonly edited?: boolean; readonly flags?: readonly string[] },
  ): Contender => ({
    name: `\`ctxpack run\`: ${what}`,
    prepare: () => {
      project.editPage(o.edited ?? false);
      if (!uris.has(name)) uris.set(name, project.v1(o.size, join(bench.scratch, "asking")));
    },
    argv: () => [
      ...[...ctxpackCommand(), "run", "--contract", project.contract(o.size), "--json"],
      ...(o.flags ?? []),
    ],
    env: (run) => ({ CTXPACK_CACHE_DIR: store(run), ...project.env }),
    output: (run) => told(name, run),
  });
  const warm = (run: number): readonly string[] => [
    ...[...ctxpackCommand(), "pull", uriOf(told("cold", run))],
  ];
  const last: Contender = {
    ...running("edited", "one byte of one page changed", { size: 512, edited: true }),
    leaves: (run) => [store(run)],
  };
  return {
    title: `The published run: ${title(project)}${bench.noSleep ? ", no pauses" : ""}`,
    contenders: [
      running("cold", "cold, compute and seed", { size: 512 }),
      running("warm", "warm, put in place", { size: 512, flags: ["--frozen"] }),
      ...["first time", "again"].map((when) => ({
        name: `\`ctxpack pull\`: warm, its path, ${when}`,
        argv: warm,
        env: (run: number) => ({ CTXPACK_CACHE_DIR: store(run) }),
      })),
      ...(pantry ? [otherMachine(bench, pantry, (run) => uriOf(told("cold", run)))] : []),
      running("changed", "chunk_size 512 → 256", { size: 256 }),
      last,
    ],
    check: () => {
      for (const name of ["cold", "changed", "edited"]) expectHit(told(name, 0), false);
      expectHit(told("warm", 0), true);
      const different = [...new Set(uris.values())];
      if (different.length !== 3) throw new Error(`URIs: ${[...uris].join(" ")}`);
      expectOutputs(bench, project, different);
      project.editPage(false);
      const hit = hitMs(uris.get("cold") ?? "", store(0), bench.scale === "full" ? 1000 : 3);
      bench.note(`in process: a hit, as the prototype timed it, in ${hit} ms`);
    },
    details: (measured) => publishedRows(project, uris, measured),
  };
}

function otherMachine(bench: Bench, pantry: string, uri: (run: number) => string): Contender {
  const store = (run: number): string => join(bench.scratch, `other-${run}`);
  return {
    name: "`ctxpack pull`: empty store, a registry on loopback",
    prepare: (run) => {
      ctxpack(["push", uri(run), "--to", pantry], join(bench.scratch, `store-${run}`));
    },
    argv: (run) => [...ctxpackCommand(), "pull", uri(run), "--from", pantry],
    env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
    leaves: (run) => [store(run)],
  };
}

/** Each scenario's pack holds a whole index of its own. */
function expectOutputs(bench: Bench, project: Project, uris: readonly string[]): void {
  const files = uris.map((uri) =>
    join(ctxpack(["pull", uri], join(bench.scratch, "store-0")), "index.vec"),
  );
  for (const file of files) {
    const { size } = statSync(file);
    if (size !== project.megabytes * 1e6) throw new Error(`${file} has ${size} bytes`);
  }
  const [first = "", ...others] = files.map((file) => readFileSync(file));
  for (const other of others) {
    if (other.equals(first as Buffer)) throw new Error("two scenarios have the same output");
  }
}

function uriOf(file: string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { uri: string }).uri;
}

function expectHit(file: string, expected: boolean): void {
  const { hit } = JSON.parse(readFileSync(file, "utf8")) as { hit: boolean };
  if (hit !== expected) throw new Error(`${file}: hit is ${hit}`);
}

/** The median of many hits in one process. */
function hitMs(uri: string, store: string, count: number): string {
  const [node = "", ...flags] = nodeCommand();
  const env = ["env", `CTXPACK_CACHE_DIR=${store}`];
  return runProgram(env[0] ?? "", [...env.slice(1), node, ...flags, HITS, uri, `${count}`]).trim();
}

function title({ corpus, megabytes }: Project): string {
  return `${(corpus.bytes / 1e6).toFixed(0)} MB in ${corpus.files.toLocaleString("en")} pages, an index of ${megabytes} MB`;
}

function code(uri = ""): string {
  return `\`${uri}\``;
}

/** The published table's rows, and its URIs beside ours. */
function publishedRows(
  project: Project,
  uris: ReadonlyMap<string, string>,
  measured: readonly Measurement[],
): Details {
  const seconds = (part: string): string => {
    const found = measured.find(({ name }) => name.includes(part));
    return found ? `${found.wall.median.toFixed(3)} s` : "not measured";
  };
  const megabytes = (project.corpus.bytes / 1e6).toFixed(0);
  const pauses = ((project.pauseMs * CHUNKS) / 1000).toFixed(1);
  return {
    head: ["Metric", "published", "here"],
    rows: [
      ["Corpus size", "50 MB", `${megabytes} MB`],
      ["Output artifact size", "50 MB", `${project.megabytes} MB`],
      ["Pipeline chunks simulated", `${CHUNKS}`, `${CHUNKS}`],
      ["Cold run (compute + seed)", "8.51 s", `${seconds("cold")}, ${pauses} s of it pauses`],
      ["Cache hit (local)", "~0 ms, a call", `${seconds("path, again")}, a process`],
      [
        "Cache hit (cross-machine)",
        "~3–8 s, not measured",
        `${seconds("loopback")} on loopback; over links: \`network\``,
      ],
      ["Contract change: another URI, recomputed", "✓", `✓ ${seconds("512 → 256")}`],
      ["One byte of one page: another URI, recomputed", "not asked", `✓ ${seconds("one byte")}`],
      ["Registry used", "GHCR", "docker-registry"],
      ["URI, profile v0, 512", code(PUBLISHED[512]), code(project.v0(512))],
      ["URI, profile v0, 256", code(PUBLISHED[256]), code(project.v0(256))],
      ["URI, v1, 512", "–", code(uris.get("cold"))],
      ["URI, v1, 256", "–", code(uris.get("changed"))],
      ["URI, v1, 512, one byte of a page changed", "the same", code(uris.get("edited"))],
    ],
  };
}
