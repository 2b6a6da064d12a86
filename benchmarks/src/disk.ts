// What a second version of a folder takes on disk when it shares 99 % with the first: both stored and materialised.
//
//   node --conditions=@ctxpack/source benchmarks/src/disk.ts [--smoke]
//
// One file in a hundred is changed, in one place of the tree or evenly over it. Nothing is timed. On the disk of TMPDIR
// every block is counted, files with several names once; on xfs and btrfs, mounted from a file where that is allowed,
// what the file system says is used, because it knows which blocks files share.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Store } from "@ctxpack/cache";
import { type CtxUri, canonicalBytes, sha256, uriOf } from "@ctxpack/identity";
import { type Corpus, type Scale, smallFiles, texts } from "./corpus.ts";
import { diskUse } from "./disk-use.ts";
import { type LoopKind, mountLoop } from "./loop-disk.ts";
import { markdown } from "./markdown.ts";
import { runProgram } from "./programs.ts";
import { settle } from "./settle.ts";

/** A place for stores, and how to see what lies there. */
interface Disk {
  readonly name: string;
  readonly dir: string;
  used(store: string): number;
}

type Choice = (files: readonly string[]) => readonly string[];

const CHOICES: readonly [name: string, choice: Choice][] = [
  ["neighbours", (files) => files.slice(0, Math.ceil(files.length / 100))],
  ["evenly spread", (files) => files.filter((_, i) => i % 100 === 20)],
];

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { smoke: { type: "boolean", default: false } },
  });
  const scale: Scale = values.smoke ? "smoke" : "full";
  const root = mkdtempSync(join(tmpdir(), "ctxpack-disk-"));
  try {
    const rows = await onDisk(root, scale, plainDisk(root));
    for (const kind of ["xfs", "btrfs"] as const) rows.push(...(await onLoop(root, scale, kind)));
    const head = ["", "first MB", "blobs MB", "second adds MB", "blobs MB", "adds"];
    console.log(markdown(head, rows));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

type Row = readonly string[];

async function onLoop(root: string, scale: Scale, kind: LoopKind): Promise<Row[]> {
  using mounted = mountLoop(kind, join(root, kind));
  if (mounted === undefined) {
    console.log(`- left out: ${kind} needs root, loop mounts and mkfs.${kind}\n`);
    return [];
  }
  return await onDisk(root, scale, loopDisk(kind, mounted.dir));
}

function plainDisk(root: string): Disk {
  const dir = join(root, "plain");
  mkdirSync(dir);
  return { name: "disk of TMPDIR", dir, used: (store) => diskUse(store).blocks };
}

function loopDisk(name: string, dir: string): Disk {
  return {
    name,
    dir,
    used() {
      runProgram("sync", ["-f", dir]);
      const { blocks, bfree, bsize } = statfsSync(dir);
      return (blocks - bfree) * bsize;
    },
  };
}

async function onDisk(root: string, scale: Scale, disk: Disk): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, make] of [
    ["31 KB texts", texts],
    ["4 KB files", smallFiles],
  ] as const) {
    for (const [where, choice] of CHOICES) {
      const name = `${disk.name}-${what}-${where}`.replaceAll(/[^a-z0-9]+/gi, "-");
      const corpus = make(join(root, "corpus", name), scale);
      settle();
      const costs = await twoVersions(disk, join(disk.dir, name), { corpus, choice });
      rows.push([`${disk.name}: ${what}, ${where}`, ...costs]);
    }
  }
  return rows;
}

async function twoVersions(
  disk: Disk,
  dir: string,
  o: { readonly corpus: Corpus; readonly choice: Choice },
): Promise<string[]> {
  const empty = disk.used(disk.dir);
  await using store = await Store.open(dir, { blocking: true, budget: Number.POSITIVE_INFINITY });
  const seen = (): { all: number; blobs: number } => ({
    all: disk.used(disk.dir) - empty,
    blobs: diskUse(join(dir, "blobs")).blocks,
  });
  await version(store, o.corpus, 1);
  const first = seen();
  for (const file of o.choice(filesOf(o.corpus.dir))) change(file);
  settle();
  await version(store, o.corpus, 2);
  const second = seen();
  return [
    megabytes(first.all),
    megabytes(first.blobs),
    megabytes(second.all - first.all),
    megabytes(second.blobs - first.blobs),
    `${((second.all / first.all - 1) * 100).toFixed(1)} %`,
  ];
}

/** Stores the folder as an output of its own and has the store make the folder of it. */
async function version(store: Store, { dir }: Corpus, number: number): Promise<void> {
  const contract = canonicalBytes({
    inputs: [],
    schema: "ctxpack.contract/v1",
    transforms: [{ params: { version: number }, tool: "benchmark" }],
  });
  const uri: CtxUri = uriOf(sha256(contract));
  await store.seed(dir, contract);
  await store.tree(uri);
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function change(file: string): void {
  const content = readFileSync(file);
  content.write("A sentence that was not there before.", content.length >> 1, "latin1");
  writeFileSync(file, content);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

await main(process.argv.slice(2));
