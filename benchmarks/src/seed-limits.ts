// What stands between the figures of `seed` and less: the processor's own work, without a process to start, threads to feed, a
// store to keep or a disk to wait for. No writer of the format can take less than that.
//
//   node --conditions=@ctxpack/source benchmarks/src/seed-limits.ts [--smoke]
//
// CPU seconds of one thread, least of five. With N cores nothing is quicker than an Nth of the sum, and what one program
// takes from start to end is not shared at all.
import { hash } from "node:crypto";
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compressFrame, Listing, packSteps } from "@ctxpack/cache/pack";
import { mixed, type Scale } from "./corpus.ts";
import { markdown } from "./markdown.ts";

const RUNS = 5;

function main(argv: readonly string[]): void {
  const { values } = parseArgs({
    args: [...argv],
    options: { smoke: { type: "boolean", default: false } },
  });
  const scale = values.smoke ? "smoke" : "full";
  const root = mkdtempSync(join(tmpdir(), "ctxpack-limits-"));
  try {
    printSeed(join(root, "mixed"), scale);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Everything that seeding cannot leave out. */
function printSeed(dir: string, scale: Scale): void {
  const corpus = mixed(dir, scale);
  const paths = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((path) =>
    lstatSync(join(dir, path)).isFile(),
  );
  const listing = new Listing();
  for (const path of paths) listing.addFile(path, lstatSync(join(dir, path)).size);
  listing.seal();
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  const read = least(() => {
    for (const path of paths) for (const _ of readPieces(join(dir, path), buffer));
  });
  const digest = least(() => {
    for (let at = 0; at < corpus.bytes; at += buffer.length) hash("sha256", buffer, "buffer");
  });
  let segments: Buffer[] = [];
  const all = least(() => {
    segments = cut(dir, listing);
  });
  let frames: Uint8Array[] = [];
  const compress = least(() => {
    frames = segments.map((segment) => compressFrame(segment));
  });
  const stored = frames.reduce((sum, frame) => sum + frame.length, 0);
  const blobs = least(() => {
    for (const frame of frames) hash("sha256", frame, "buffer");
  });
  const write = least(() => {
    const fd = openSync(join(dir, ".written"), "w");
    for (const frame of frames) writeSync(fd, frame);
    closeSync(fd);
  });
  const sum = all + compress + blobs + write;
  const rows: [string, number][] = [
    ["reading it", read],
    ["its SHA-256, of files and again of segments", 2 * digest],
    ["finding cuts, copying, headers", all - read - 2 * digest],
    ["zstd, level 1", compress],
    [`SHA-256 of ${(stored / 1e6).toFixed(0)} MB of blobs`, blobs],
    ["writing them, to the page cache", write],
    ["**all of it**", sum],
    [`**on ${availableParallelism()} cores at least**`, sum / availableParallelism()],
  ];
  console.log(`### Seed ${corpus.title}\n`);
  console.log(
    `${markdown(
      ["", "CPU s"],
      rows.map(([what, seconds]) => [what, seconds.toFixed(2)]),
    )}\n`,
  );
}

/** Cuts the tar of a listing; the segments are copies, and what copying costs is not counted: it is paid outside. */
function cut(dir: string, listing: Listing): Buffer[] {
  let open: number | undefined;
  const steps = packSteps(listing, {
    read(row, into, position) {
      open ??= openSync(join(dir, listing.path(row)), "r");
      return readSync(open, into, 0, into.length, position);
    },
    close() {
      if (open !== undefined) closeSync(open);
      open = undefined;
    },
  });
  const segments: Buffer[] = [];
  for (const step of steps) {
    if (step.kind === "segment") segments.push(Buffer.from(step.bytes));
    else if (step.kind === "restart") segments.length = 0;
  }
  return segments;
}

function* readPieces(path: string, into: Buffer): Generator<number, void, void> {
  const fd = openSync(path, "r");
  try {
    for (let count = 1; count > 0; ) {
      count = readSync(fd, into);
      yield count;
    }
  } finally {
    closeSync(fd);
  }
}

/** The least CPU seconds of some runs. */
function least(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

main(process.argv.slice(2));
