// What an edit costs: the share of a pack's compressed bytes that a pantry with the pack before lacks.
//
//   node --conditions=@ctxpack/source benchmarks/src/dedup.ts [--places N] [--fine]
//
// Packs are made in memory and never stored. Nothing here is timed: the figures are a function of the
// corpus, and are the same on every machine with the same zstd. Every edit is made at N places.
import { parseArgs } from "node:util";
import { compressFrame, Listing, packSteps } from "@ctxpack/cache/pack";

type Tree = Map<string, Buffer>;
type Edit = (content: Buffer, path: string) => readonly [path: string, content: Buffer];

interface Question {
  readonly title: string;
  /** The share that the median may not exceed, where one was asked for. */
  readonly limit?: number;
  readonly edit: (place: number) => Tree;
}

interface Pack {
  /** Raw digest to compressed size. */
  readonly segments: ReadonlyMap<string, number>;
  /** The index's tree digest and compressed size; it is sent whenever it is another one. */
  readonly tree: string;
  readonly index: number;
}

const FILES = 1600;
const TOUCHED = 16;

function main(argv: readonly string[]): void {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      places: { type: "string", default: "31" },
      fine: { type: "boolean", default: false },
    },
  });
  const places = Number(values.places);
  const profile = values.fine ? "fine" : undefined;
  console.log("| edit | segments | new, most | sent, median | sent, most | asked of the median |");
  console.log("|---|---:|---:|---:|---:|---:|");
  const pages = textPages();
  ask(pages, pageQuestions(pages), places, profile);
  const rows = jsonLines(0, 200_000_000);
  ask(new Map([["rows.jsonl", rows]]), rowQuestions(rows), Math.min(places, 3), profile);
}

function ask(
  before: Tree,
  questions: readonly Question[],
  places: number,
  profile: "fine" | undefined,
): void {
  const known = new Map<string, number>();
  const first = pack(before, profile, known);
  for (const { title, limit, edit } of questions) {
    const shares: number[] = [];
    let fresh = 0;
    for (let place = 0; place < places; place++) {
      const after = pack(edit(place), profile, known);
      const added = [...after.segments].filter(([digest]) => !first.segments.has(digest));
      const total = [...after.segments.values()].reduce((a, b) => a + b, after.index);
      const index = after.tree === first.tree ? 0 : after.index;
      shares.push(added.reduce((sum, [, size]) => sum + size, index) / total);
      fresh = Math.max(fresh, added.length);
    }
    shares.sort((a, b) => a - b);
    const median = shares[shares.length >> 1] as number;
    const cells = [
      title,
      first.segments.size,
      fresh,
      percent(median),
      percent(shares.at(-1) as number),
      limit === undefined ? "" : `${percent(limit)}${median > limit ? " MISSED" : ""}`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** Packs a tree; a segment in `known` is not compressed again, as in a store. */
function pack(tree: Tree, profile: "fine" | undefined, known: Map<string, number>): Pack {
  const listing = new Listing();
  for (const [path, content] of tree) listing.addFile(path, content.length);
  listing.seal();
  const steps = packSteps(
    listing,
    {
      read(row, into, position) {
        return (tree.get(listing.path(row)) as Buffer).copy(into, 0, position);
      },
      close() {},
    },
    profile && { profile },
  );
  const segments = new Map<string, number>();
  for (;;) {
    const { done, value } = steps.next();
    if (done) {
      const index = compressFrame(value.indexBytes()).length;
      return { segments, tree: value.tree, index };
    }
    if (value.kind === "restart") segments.clear();
    if (value.kind !== "segment") continue;
    const size = known.get(value.digest) ?? compressFrame(value.bytes).length;
    known.set(value.digest, size);
    segments.set(value.digest, size);
  }
}

function pageQuestions(pages: Tree): Question[] {
  const near = (edit: Edit) => (place: number) => touch(pages, neighbours(place), edit);
  const far = (edit: Edit) => (place: number) => touch(pages, scattered(place), edit);
  const spread = (edit: Edit) => (place: number) => touch(pages, evenlySpread(place), edit);
  const kinds: readonly [string, Edit][] = [
    ["changed in place", inPlace],
    ["appended to", append],
    ["inserted into at the front", insert],
    ["renamed", rename],
  ];
  return [
    { title: "1,600 texts, 50 MB: nothing", limit: 0, edit: () => pages },
    ...kinds.map(([what, edit]) => ({
      title: `${TOUCHED} neighbours ${what}`,
      limit: 0.03,
      edit: near(edit),
    })),
    ...kinds.map(([what, edit]) => ({
      title: `${TOUCHED} scattered ${what}`,
      limit: 0.11,
      edit: far(edit),
    })),
    ...kinds.map(([what, edit]) => ({
      title: `${TOUCHED} evenly spread ${what}`,
      edit: spread(edit),
    })),
    { title: "one folder of 16 added", edit: (place) => withFolder(pages, place) },
    { title: "the first 16 removed", edit: () => new Map([...pages].slice(TOUCHED)) },
  ];
}

function rowQuestions(rows: Buffer): Question[] {
  const one = (content: Buffer): Tree => new Map([["rows.jsonl", content]]);
  return [
    {
      title: "JSON lines, 200 MB: 1 % appended",
      limit: 0.02,
      edit: (place) => one(Buffer.concat([rows, jsonLines(place + 1, rows.length / 100)])),
    },
    {
      title: "one line inserted at the front",
      edit: (place) => one(Buffer.concat([jsonLines(place + 1, 300), rows])),
    },
  ];
}

const line = Buffer.from("One more sentence that was not there before.\n");
const inPlace: Edit = (content, path) => {
  const copy = Buffer.from(content);
  line.copy(copy, (path.length * 7919 + content.readUInt16LE(9)) % (copy.length - line.length));
  return [path, copy];
};
const append: Edit = (content, path) => [path, Buffer.concat([content, line])];
const insert: Edit = (content, path) => [path, Buffer.concat([line, content])];
const rename: Edit = (content, path) => [path.replace(".md", "-2.md"), content];

/** The tree with an edit made to some of its files, by their number. */
function touch(pages: Tree, numbers: ReadonlySet<number>, edit: Edit): Tree {
  const after: Tree = new Map();
  let number = 0;
  for (const [path, content] of pages) {
    const [name, edited] = numbers.has(number++) ? edit(content, path) : [path, content];
    after.set(name, edited);
  }
  return after;
}

function neighbours(place: number): Set<number> {
  const first = (place * 397 + 113) % (FILES - TOUCHED);
  return new Set(Array.from({ length: TOUCHED }, (_, i) => first + i));
}

/** Drawn at random from the whole tree: two may share a segment, as edits of real life may. */
function scattered(place: number): Set<number> {
  const random = xorshift(place * 7 + 5);
  const numbers = new Set<number>();
  while (numbers.size < TOUCHED) numbers.add(random() % FILES);
  return numbers;
}

/** One in each sixteenth of the tree, so that hardly two share a segment: the dearest choice there is. */
function evenlySpread(place: number): Set<number> {
  const part = FILES / TOUCHED;
  return new Set(
    Array.from({ length: TOUCHED }, (_, i) => i * part + ((place * 31 + i * 57 + 11) % part)),
  );
}

function withFolder(pages: Tree, place: number): Tree {
  const after: Tree = new Map(pages);
  for (let i = 0; i < TOUCHED; i++) {
    after.set(`${String(place * 5).padStart(2, "0")}-new/${i}.md`, prose(90_000 + i, 31_250));
  }
  return after;
}

function textPages(): Tree {
  const pages: Tree = new Map();
  for (let i = 0; i < FILES; i++) {
    const path = `${String(Math.floor(i / 40)).padStart(2, "0")}/${String(i).padStart(4, "0")}.md`;
    pages.set(path, prose(i + 1, 31_250));
  }
  return pages;
}

/** Text of frequent and rare words: the same bytes for the same seed. */
function prose(seed: number, size: number): Buffer {
  const random = xorshift(seed);
  const out = Buffer.alloc(size + 16);
  for (let at = 0; at < size; ) {
    const rank = 2 ** (random() % 14);
    const end = random() % 12 === 0 ? ".\n" : " ";
    at += out.write(`${(rank + (random() % rank)).toString(36)}${end}`, at, 16, "latin1");
  }
  return out.subarray(0, size);
}

function jsonLines(seed: number, size: number): Buffer {
  const random = xorshift(seed + 77);
  const text = prose(seed + 501, 1_000_003)
    .toString("latin1")
    .replaceAll("\n", " ");
  const out = Buffer.allocUnsafe(size + 400);
  let at = 0;
  for (let id = 0; at < size; id++) {
    const from = random() % (text.length - 200);
    const row = `{"id":"${seed}-${id}","score":${random()},"text":"${text.slice(from, from + 180)}"}\n`;
    at += out.write(row, at, "latin1");
  }
  return out.subarray(0, at);
}

function xorshift(seed: number): () => number {
  let x = Math.imul(seed, 0x9e3779b1) | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

main(process.argv.slice(2));
