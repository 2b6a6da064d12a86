import { createHash } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Source } from "../corpus.ts";
import { type PackBlob, packBlobs } from "../curl.ts";
import { blobsServed } from "../documents/access-log.ts";
import { applyEditMix } from "../edit-mix.ts";
import { ctxpack, quote, runProgram, runScript } from "../programs.ts";
import { Project } from "../published/project.ts";
import type { Bench } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { writeContract } from "../seed.ts";

/** One pack that travels, and what it becomes by an edit of 1 %. */
export interface Material {
  readonly name: "index" | "gigabyte";
  /** What it is, for a heading. */
  readonly title: string;
  readonly before: Version;
  readonly after: Version;
  /** A store that both were seeded into. */
  readonly seeded: string;
  /** A store that only the first was pulled into. */
  readonly held: string;
  /** What the first does not have. */
  readonly fresh: readonly PackBlob[];
  /** All bytes of the first as one blob: its path on a registry. */
  readonly whole: string;
  readonly wholeFile: string;
  /** A file of many. */
  readonly file?: OneFile;
}

/** One file and what a `cat` of it has to fetch beside the manifest. */
interface OneFile {
  readonly path: string;
  readonly blobs: readonly PackBlob[];
}

interface Version {
  readonly uri: string;
  readonly dir: string;
  readonly blobs: readonly PackBlob[];
}

/** The repository of a registry that has the first version, and the one that has both. */
export const repositoryOf = (name: Material["name"]): { before: string; both: string } => ({
  before: `before/${name}`,
  both: `both/${name}`,
});

/** The published run's index: its output, and the same with ten pieces of 0.1 % overwritten. */
export function indexMaterial(bench: Bench, data: string): Material {
  const home = join(bench.scratch, "index");
  const project = new Project(join(home, "project"), { scale: bench.scale, noSleep: true });
  const seeded = join(home, "seeded");
  const [contract, dir] = [project.contract(512), join(project.dir, "index")];
  ctxpack(["run", "--contract", contract], seeded);
  const edited = join(home, "edited");
  runProgram("cp", ["-r", dir, edited]);
  overwritePieces(join(edited, "index.vec"));
  const before = { uri: ctxpack(["id", contract], seeded), dir };
  const title = `the published index, ${project.megabytes} MB`;
  return prepare(bench, { name: "index", title, home, seeded, data, before, edited });
}

/** The mixed gigabyte, and the same after the edit that `update` asks about. */
export function gigabyteMaterial(bench: Bench, data: string): Material {
  const home = join(bench.scratch, "gigabyte");
  mkdirSync(home);
  const seeded = join(home, "seeded");
  const corpus = bench.corpus("mixed");
  const uri = ctxpack(["seed", corpus.dir, "--contract", writeContract(bench, "before")], seeded);
  const edited = join(home, "edited");
  runProgram("cp", ["-r", corpus.dir, edited]);
  applyEditMix(edited, 1);
  const before = { uri, dir: corpus.dir };
  return prepare(bench, {
    ...{ name: "gigabyte", title: corpus.title, home, seeded, data, before, edited },
    file: "text/00/0000.txt",
  });
}

interface Prepared {
  readonly name: Material["name"];
  readonly title: string;
  readonly home: string;
  readonly seeded: string;
  /** The registry's folder. */
  readonly data: string;
  readonly before: Omit<Version, "blobs">;
  readonly edited: string;
  readonly file?: string;
}

/** Both versions on the registry, over loopback: links come later. */
function prepare(bench: Bench, o: Prepared): Material {
  const { home, seeded, before, edited } = o;
  const contract = writeContract(bench, `${o.name}-edited`);
  const uri = ctxpack(["seed", edited, "--contract", contract], seeded);
  const held = join(home, "held");
  const log = join(home, "access.log");
  using server = new RegistryServer({
    ...{ dir: join(home, "server"), data: o.data, address: "127.0.0.1", log },
  });
  const repositories = repositoryOf(o.name);
  for (const [pack, to] of [
    [before.uri, repositories.before],
    [before.uri, repositories.both],
    [uri, repositories.both],
  ] as const) {
    ctxpack(["push", pack, "--to", `${server.host}/${to}`], seeded);
  }
  ctxpack(["pull", before.uri, "--from", `${server.host}/${repositories.before}`], held);
  const blobs = packBlobs(seeded, before.uri);
  const after = { uri, dir: edited, blobs: packBlobs(seeded, uri) };
  const known = new Set(blobs.map(({ hex }) => hex));
  const wholeFile = join(home, "whole");
  const common = {
    ...{ name: o.name, title: o.title, seeded, held, after },
    before: { ...before, blobs },
    fresh: after.blobs.filter(({ hex }) => !known.has(hex)),
    wholeFile,
    whole: uploadWhole(wholeFile, seeded, blobs, `http://${server.host}`),
  };
  if (o.file === undefined) return common;
  writeFileSync(log, "");
  const from = `${server.host}/${repositories.before}`;
  ctxpack(["cat", before.uri, o.file, "--from", from], join(home, "reading"));
  const fetched = blobsServed(log);
  const needed = blobs.filter(({ hex }) => fetched.has(hex));
  return { ...common, file: { path: o.file, blobs: needed } };
}

function overwritePieces(file: string): void {
  const source = new Source(1001);
  const { size } = statSync(file);
  const piece = Buffer.alloc(Math.round(size / 1000 / 4) * 4);
  const fd = openSync(file, "r+");
  try {
    for (let i = 0; i < 10; i++) {
      source.floats(piece);
      writeSync(fd, piece, 0, piece.length, source.below((size - piece.length) / 4) * 4);
    }
  } finally {
    closeSync(fd);
  }
}

/** The same bytes as one blob of the registry; its path there. */
function uploadWhole(
  file: string,
  seeded: string,
  blobs: readonly PackBlob[],
  origin: string,
): string {
  writeFileSync(file, "");
  const hash = createHash("sha256");
  for (const { hex } of blobs) {
    const bytes = readFileSync(join(seeded, "blobs/sha256", hex));
    hash.update(bytes);
    appendFileSync(file, bytes);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  runScript(
    `u=$(curl -s -X POST -D - -o /dev/null ${origin}/v2/curl/whole/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'); ` +
      `curl -s -S --fail -o /dev/null -T ${quote(file)} "$u&digest=${digest}"`,
  );
  return `/v2/curl/whole/blobs/${digest}`;
}
