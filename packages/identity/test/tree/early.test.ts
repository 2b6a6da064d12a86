import { createHash } from "node:crypto";
import { truncateSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import type { FileDigests } from "../../src/tree/digests.ts";
import { EarlyParts } from "../../src/tree/early.ts";
import { hashTree } from "../../src/tree/hash.ts";
import { DigestLines } from "../../src/tree/lines.ts";
import { runSliced } from "../../src/tree/slice.ts";
import { FileTable } from "../../src/tree/table.ts";
import { walk } from "../../src/tree/walk.ts";
import { Threads } from "../../src/tree/workers.ts";
import { coreutilsDigest, failure, TestFolder } from "./folder.ts";

const small = "in a folder whose name is decomposed";

/** Sparse files in folders of their own, most of them listed before the last one is; a name is not in NFC on disk. */
function fill(folder: TestFolder, form: "NFC" | "NFD" = "NFD"): void {
  folder.file(`${"caf\u00e9".normalize(form)}/small`, small);
  for (let i = 10; i < 34; i++) truncateSync(folder.file(`data/${i}/zero`, ""), 9_000_000 + i);
  folder.file("last", "of all");
}

async function list(folder: TestFolder, threads: Threads) {
  const table = new FileTable(folder.path, folder.path);
  const early = new EarlyParts(table, threads);
  const context = { root: folder.path, named: folder.path, filter: undefined };
  for (const _ of walk(context, table)) {
    early.look();
    // A walk of so few files would be over before a thread is there.
    while (threads.count > 0 && threads.waiting > 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  return { table, early, lines: await runSliced(DigestLines.of(table), {}) };
}

const hexOf = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

const oneCore = availableParallelism() < 2;
if (oneCore) console.warn("skipped: threads that hash while a folder is listed need two cores");

it.skipIf(oneCore)(
  "parts are hashed by threads, and their digests come into the lines",
  async () => {
    using folder = new TestFolder();
    fill(folder);
    await using threads = new Threads();
    const { table, early, lines } = await list(folder, threads);
    // Not the first ones, with which no thread is worth its start, and not the last part.
    expect(early.end).toBeGreaterThan(10);
    expect(early.end).toBeLessThan(table.count);
    await threads.ended({ onTick: () => {} });
    expect(threads.bytes).toBeGreaterThan(90_000_000);
    await runSliced(early.finish(lines), {});
    for (const [row, path] of table.paths.slice(0, early.end).entries()) {
      const content = path.startsWith("data/")
        ? Buffer.alloc(9_000_000 + Number(path.slice(5, 7)))
        : small;
      expect([path, lines.digest(row)]).toEqual([path, hexOf(content)]);
    }
    expect(lines.digest(early.end)).toBe("\0".repeat(64));
  },
);

it.skipIf(oneCore)("what a thread cannot read is reported by who called", async () => {
  using folder = new TestFolder();
  fill(folder);
  await using threads = new Threads();
  const table = new FileTable(folder.path, folder.path);
  const early = new EarlyParts(table, threads);
  const context = { root: folder.path, named: folder.path, filter: undefined };
  for (const _ of walk(context, table)) {
    // It is in the first part, which no thread has got yet.
    if (table.paths.at(-1) === "data/10/zero") truncateSync(join(folder.path, "data/10/zero"), 1);
    early.look();
  }
  expect(early.end).toBeGreaterThan(2);
  await threads.ended({ onTick: () => {} });
  expect(early.hasFailed).toBe(true);
  const lines = await runSliced(DigestLines.of(table), {});
  const error = await failure(runSliced(early.finish(lines), {}));
  expect(error.message).toBe(`${folder.path}/data/10/zero changed while it was read`);
});

it("gives the digest that coreutils give", async () => {
  using folder = new TestFolder();
  fill(folder);
  folder.link("data/zz", "../last");
  const progress: number[] = [];
  const { digest, bytes } = await hashTree(folder.path, {
    onProgress: ({ unit, done, total }) => {
      if (unit === "bytes") progress.push(done / (total ?? 1));
    },
  });
  // coreutils take names as they are on disk.
  using plain = new TestFolder();
  fill(plain, "NFC");
  plain.link("data/zz", "../last");
  expect(digest).toBe(coreutilsDigest(plain.path));
  expect(bytes).toBeGreaterThan(24 * 9_000_000);
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
});

it("offers the digests of files that were in a part too, whatever is known meanwhile", async () => {
  using folder = new TestFolder();
  fill(folder);
  const told = new Map<string, string>();
  const digests: FileDigests = {
    isEmpty: true,
    // Somebody else has told it of everything, and of something wrong, since it said that it was empty.
    get: (path) => (/\/data\/(10|33)\/zero$/.test(path) ? "0".repeat(64) : undefined),
    set: (path, _state, hex) => told.set(path, hex),
  };
  const { lines, files } = await hashTree(folder.path, { digests });
  const text = Buffer.from(lines).toString();
  expect(text).not.toContain("\0");
  expect(text.split("\n")).toHaveLength(files + 1);
  expect(told.get(join(folder.path, "data/20/zero"))).toBe(hexOf(Buffer.alloc(9_000_020)));
  if (!oneCore) expect(told.has(join(folder.path, "data/10/zero"))).toBe(true);
  expect(told.has(join(folder.path, "data/33/zero"))).toBe(false);
});

it("asks first where something is known", async () => {
  using folder = new TestFolder();
  fill(folder);
  const { lines } = await hashTree(folder.path);
  const known = new Map(
    Buffer.from(lines)
      .toString()
      .split("\n")
      .slice(0, -1)
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  let told = 0;
  const again = await hashTree(folder.path, {
    digests: {
      isEmpty: false,
      get: (path) => known.get(path.slice(folder.path.length + 1).normalize("NFC")),
      set: () => (told += 1),
    },
  });
  expect(told).toBe(0);
  expect(Buffer.from(again.lines).equals(Buffer.from(lines))).toBe(true);
});

it("ends its threads when the walk fails, and when it is aborted", async () => {
  using folder = new TestFolder();
  fill(folder);
  folder.link("z/dangling", "nowhere");
  let started = 0;
  let ended = 0;
  const watch = (worker: Worker): void => {
    started += 1;
    worker.once("exit", () => (ended += 1));
  };
  process.on("worker", watch);
  onTestFinished(() => {
    process.off("worker", watch);
  });
  const error = await failure(hashTree(folder.path));
  expect(error.message).toContain("z/dangling");
  expect(ended).toBe(started);
  if (!oneCore) expect(started).toBeGreaterThan(0);
  const first = started;
  const aborter = new AbortController();
  const hashing = hashTree(folder.path, {
    exclude: ["z/**"],
    signal: aborter.signal,
    onProgress: ({ unit }) => unit === "bytes" && aborter.abort(),
  });
  await expect(hashing).rejects.toThrow("aborted");
  expect(ended).toBe(started);
  if (!oneCore) expect(started).toBeGreaterThan(first);
});
