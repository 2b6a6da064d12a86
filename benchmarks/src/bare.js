// The bare work on Node, and nothing of what we do around it: nothing is sorted, kept, compared or made visible. Rows with it
// are floors: how far a goal is from what runtime and machine do. Not a bound for more than two cores. JavaScript, not
// TypeScript: stripping types would count as start-up.
//
//   node bare.js look DIR           one lstat of each file
//   node bare.js hash DIR           SHA-256 of each file, in two threads
//   node bare.js digest BYTES       SHA-256 of that many bytes of memory
//   node bare.js pack DIR OUT       SHA-256 of each file and of each segment, zstd -1, SHA-256 of that, in two threads; synced
//   node bare.js write DIR N BYTES  N files, each hashed, opened, written and closed, in two threads
import { hash } from "node:crypto";
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { constants, zstdCompressSync } from "node:zlib";

const PIECE = 4 << 20;
/** Written at a time: longer writes are slow in some virtual machines. */
const WRITTEN = 512 << 10;
const FILES_TO_A_FOLDER = 200;
const works = { look, hash: hashAll, digest, pack, write };

const [work, ...args] = isMainThread ? process.argv.slice(2) : workerData.argv;
const counter = isMainThread ? new Int32Array(new SharedArrayBuffer(4)) : workerData.counter;
if (isMainThread && ["hash", "pack", "write"].includes(work)) {
  new Worker(fileURLToPath(import.meta.url), {
    workerData: { argv: process.argv.slice(2), counter },
  });
}
works[work](...args);

function look(dir) {
  for (const { path, names } of folders(dir)) {
    for (const name of names) fs.lstatSync(`${path}/${name}`, { bigint: true });
  }
}

function hashAll(dir) {
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  for (const { path, names } of mine(pieces(dir))) {
    for (const name of names) {
      const fd = fs.openSync(`${path}/${name}`);
      for (let n = PIECE; n === PIECE; ) {
        n = fs.readSync(fd, buffer);
        hash("sha256", buffer.subarray(0, n), "buffer");
      }
      fs.closeSync(fd);
    }
  }
}

function digest(bytes) {
  const buffer = Buffer.alloc(PIECE);
  for (let left = Number(bytes); left > 0; left -= PIECE) {
    hash("sha256", buffer.subarray(0, Math.min(left, PIECE)), "buffer");
  }
}

function pack(dir, out) {
  const buffer = Buffer.allocUnsafeSlow(2 * PIECE);
  const to = fs.openSync(`${out}${isMainThread ? 0 : 1}`, "wx");
  for (const { path, names, at } of mine(pieces(dir))) {
    let used = 0;
    for (const name of names) {
      const fd = fs.openSync(`${path}/${name}`);
      const n = fs.readSync(fd, buffer, used, PIECE, at ?? 0);
      fs.closeSync(fd);
      hash("sha256", buffer.subarray(used, used + n), "buffer");
      used += n;
      if (used < PIECE) continue;
      store(to, buffer.subarray(0, used));
      used = 0;
    }
    if (used > 0) store(to, buffer.subarray(0, used));
  }
  fs.fdatasyncSync(to);
  fs.closeSync(to);
}

function store(to, segment) {
  hash("sha256", segment, "buffer");
  // As we do: what saves nothing in its first 64 KiB is stored as it is.
  const saves = compress(segment.subarray(0, 65_536)).length < 63_570;
  const frame = saves ? compress(segment) : segment;
  hash("sha256", frame, "buffer");
  for (let at = 0; at < frame.length; at += WRITTEN) {
    fs.writeSync(to, frame.subarray(at, at + WRITTEN));
  }
}

function compress(bytes) {
  return zstdCompressSync(bytes, {
    chunkSize: bytes.length + (bytes.length >> 7) + 4096,
    pledgedSrcSize: bytes.length,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
}

function write(dir, count, size) {
  const bytes = Buffer.alloc(Number(size), "x");
  const groups = Array.from({ length: Math.ceil(count / FILES_TO_A_FOLDER) }, (_, i) => i);
  for (const group of mine(groups)) {
    const path = `${dir}/${group}`;
    fs.mkdirSync(path);
    const end = Math.min(count, (group + 1) * FILES_TO_A_FOLDER);
    for (let i = group * FILES_TO_A_FOLDER; i < end; i++) {
      hash("sha256", bytes, "buffer");
      const fd = fs.openSync(`${path}/${i}`, "wx");
      fs.writeSync(fd, bytes);
      fs.closeSync(fd);
    }
  }
}

/** Every folder with the names of its files, the root first. */
function* folders(path) {
  const inner = [];
  const names = [];
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    (entry.isDirectory() ? inner : names).push(entry.name);
  }
  if (names.length > 0) yield { path, names };
  for (const name of inner) yield* folders(`${path}/${name}`);
}

/** What one thread takes at a time: a folder of small files, and of a large file all of it to hash, a piece to pack. */
function* pieces(dir) {
  for (const { path, names } of folders(dir)) {
    if (path !== dir) yield { path, names };
    else {
      for (const name of names) {
        const size = work === "pack" ? fs.lstatSync(`${path}/${name}`).size : 1;
        for (let at = 0; at < size; at += PIECE) yield { path, names: [name], at };
      }
    }
  }
}

/** Both threads go through the same list; each item is done by whoever comes to it first. */
function* mine(items) {
  let next = Atomics.add(counter, 0, 1);
  let at = 0;
  for (const item of items) {
    if (at++ !== next) continue;
    yield item;
    next = Atomics.add(counter, 0, 1);
  }
}
