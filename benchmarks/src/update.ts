// What an edit costs: the bytes that storing a folder again adds, in our store and in restic's repository.
//
//   node --conditions=@ctxpack/source benchmarks/src/update.ts [--payloads N] [--smoke]
//
// Nothing is timed: where the pack format cuts decides. The edit is `edit-mix.ts`; each payload makes it in other
// places with other bytes, in a folder that is otherwise what was stored first.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Store } from "@ctxpack/cache";
import { type CtxUri, canonicalBytes, sha256, uriOf } from "@ctxpack/identity";
import { restic } from "./backup.ts";
import { type Corpus, mixed } from "./corpus.ts";
import { diskUse } from "./disk-use.ts";
import { applyEditMix, type EditMix } from "./edit-mix.ts";
import { markdown } from "./markdown.ts";
import { median } from "./median.ts";
import { findProgram, runProgram } from "./programs.ts";
import { settle } from "./settle.ts";

/** What one payload costs one program. */
interface Cost {
  /** Bytes that were added on disk. */
  readonly added: number;
  /** Of a pack of ours. */
  readonly segments?: Segments;
}

interface Segments {
  readonly total: number;
  readonly fresh: number;
  /** Share of the uncompressed bytes that lies in new segments, and what perf.md §8 allows. */
  readonly share: number;
  readonly law: number;
}

/** Stores the folder again and says what that cost; closed at the end. */
interface Way extends AsyncDisposable {
  readonly name: string;
  put(edit: EditMix): Promise<Cost>;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      payloads: { type: "string", default: "5" },
      smoke: { type: "boolean", default: false },
    },
  });
  const payloads = values.smoke ? 1 : Number(values.payloads);
  const root = mkdtempSync(join(tmpdir(), "ctxpack-update-"));
  try {
    const corpus = mixed(join(root, "corpus"), values.smoke ? "smoke" : "full");
    console.log(`${corpus.title}, ${payloads} payloads\n`);
    print(await measure(corpus, root, payloads));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(
  corpus: Corpus,
  root: string,
  payloads: number,
): Promise<Map<string, Cost[]>> {
  const folder = join(root, "work");
  runProgram("cp", ["-a", corpus.dir, folder]);
  settle();
  await using stack = new AsyncDisposableStack();
  const ways: Way[] = [];
  for (const profile of [undefined, "fine"] as const) {
    ways.push(stack.use(await packing(join(root, profile ?? "default"), folder, profile)));
  }
  if (findProgram("restic")) ways.push(stack.use(backup(join(root, "restic"), folder)));
  else console.log("- absent: restic; its row is left out\n");
  const costs = new Map<string, Cost[]>(ways.map(({ name }) => [name, []]));
  for (let payload = 1; payload <= payloads; payload++) {
    const edit = applyEditMix(folder, payload);
    settle();
    for (const way of ways) costs.get(way.name)?.push(await way.put(edit));
    for (const file of edit.files) copyFileSync(join(corpus.dir, file), join(folder, file));
  }
  return costs;
}

async function packing(dir: string, folder: string, profile: "fine" | undefined): Promise<Way> {
  const store = await Store.open(dir, { blocking: true, budget: Number.POSITIVE_INFINITY });
  const contract = canonicalBytes({
    inputs: [],
    schema: "ctxpack.contract/v1",
    transforms: [{ tool: "benchmark" }],
  });
  const uri = uriOf(sha256(contract));
  await store.seed(folder, contract, { profile });
  const before = new Set((await store.index(uri)).segments.map(({ digest }) => digest));
  return {
    name: profile ? `ctxpack, ${profile}` : "ctxpack, default",
    async put(edit) {
      const held = diskUse(join(dir, "blobs")).content;
      await store.seed(folder, contract, { profile, replace: true });
      const added = diskUse(join(dir, "blobs")).content - held;
      return { added, segments: await compareSegments(store, uri, { before, edit }) };
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function compareSegments(
  store: Store,
  uri: CtxUri,
  o: { readonly before: ReadonlySet<string>; readonly edit: EditMix },
): Promise<Segments> {
  const index = await store.index(uri);
  const fresh = index.segments.filter(({ digest }) => !o.before.has(digest));
  const total = index.segments.length;
  return {
    total,
    fresh: fresh.length,
    share: fresh.reduce((sum, { size }) => sum + size, 0) / index.tarSize,
    law: o.edit.bytes / index.tarSize + (1.6 * o.edit.regions) / total,
  };
}

function backup(home: string, folder: string): Way {
  const repository = restic.repository(home);
  repository.init();
  const run = (): void => {
    const [file = "", ...args] = repository.backup(folder, "");
    runProgram(file, args);
  };
  run();
  return {
    name: "restic backup",
    async put() {
      const held = diskUse(repository.dir).content;
      run();
      return { added: diskUse(repository.dir).content - held };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function print(costs: ReadonlyMap<string, readonly Cost[]>): void {
  const middle = (name: string): number =>
    median((costs.get(name) ?? []).map(({ added }) => added));
  const rows = Array.from(costs, ([name, list]) => {
    const added = list.map((cost) => cost.added);
    const segments = list.flatMap((cost) => (cost.segments ? [cost.segments] : []));
    const of = (pick: (one: Segments) => number): number => median(segments.map(pick));
    return [
      name,
      megabytes(median(added)),
      `${megabytes(Math.min(...added))} – ${megabytes(Math.max(...added))}`,
      (middle(name) / middle("restic backup")).toFixed(2),
      ...(segments.length === 0
        ? ["–", "–", "–", "–"]
        : [
            of(({ total }) => total).toFixed(0),
            of(({ fresh }) => fresh).toFixed(0),
            percent(of(({ share }) => share)),
            percent(of(({ law }) => law)),
          ]),
    ];
  });
  const head = ["", "added MB, median", "least – most", "of restic", "segments", "new"];
  console.log(markdown([...head, "new share of bytes", "f + 1.6·k/B"], rows));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

await main(process.argv.slice(2));
