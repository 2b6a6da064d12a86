// What the published run simulates: pages to six chunks, each of them ~1.4 s of work that is a pause, to vectors in one file.
//
//   node pipeline.js CORPUS OUT CHUNK_SIZE MEGABYTES
//
// The pages are read and their bytes decide every vector, so that another corpus is another output. No model is run.
// JavaScript, not TypeScript: stripping types would count as its start-up.
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const CHUNKS = 6;
/** Megabytes as the published table counts them. */
const MB = 1_000_000;

const [corpus = "", out = "", chunkSize = "", megabytes = ""] = process.argv.slice(2);
const pages = readdirSync(corpus).sort();
const floats = (Number(megabytes) * MB) / 4;
mkdirSync(out, { recursive: true });
const file = openSync(join(out, "index.vec"), "w");
for (let chunk = 0; chunk < CHUNKS; chunk++) {
  const mine = pages.slice(share(pages.length, chunk), share(pages.length, chunk + 1));
  const seed = createHash("sha256").update(chunkSize);
  for (const page of mine) seed.update(readFileSync(join(corpus, page)));
  pause(Number(process.env.BENCH_PAUSE_MS ?? 0));
  const count = share(floats, chunk + 1) - share(floats, chunk);
  writeSync(file, vectors(seed.digest().readUInt32LE() || 1, count));
  console.error(`chunk ${chunk + 1}/${CHUNKS} embedded`);
}
closeSync(file);

/** Where the part of a chunk starts among `total`. */
function share(total, chunk) {
  return Math.floor((total * chunk) / CHUNKS);
}

function pause(ms) {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Values in [-1, 1) from a xorshift32 of the seed, little-endian floats. */
function vectors(seed, count) {
  const bytes = Buffer.allocUnsafe(count * 4);
  let x = seed;
  for (let i = 0; i < bytes.length; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes.writeFloatLE(x / 2 ** 31, i);
  }
  return bytes;
}
