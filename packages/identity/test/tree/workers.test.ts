import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, truncateSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { hashTree } from "../../src/tree/hash.ts";
import { HashJob } from "../../src/tree/job.ts";
import { DigestLines } from "../../src/tree/lines.ts";
import { runSliced } from "../../src/tree/slice.ts";
import { FileTable } from "../../src/tree/table.ts";
import { splitUnits } from "../../src/tree/units.ts";
import { walk } from "../../src/tree/walk.ts";
import { failure, TestFolder } from "./folder.ts";

const source = (name: string): string =>
  fileURLToPath(new URL(`../../src/tree/${name}`, import.meta.url));

/** Enough to hash (sparse) that a thread is worth its start. */
function fillLarge(folder: TestFolder): void {
  for (let i = 0; i < 16; i++) truncateSync(folder.file(`data/${i}`, ""), 30_000_000 + i);
  folder.file("data/cafe\u0301", "decomposed");
}

async function prepare(
  folder: TestFolder,
): Promise<{ table: FileTable; lines: DigestLines; job: HashJob }> {
  const context = { root: folder.path, named: folder.path, filter: undefined };
  const table = new FileTable(folder.path, folder.path);
  await runSliced(walk(context, table), {});
  const lines = await runSliced(DigestLines.of(table), {});
  const pending = Uint32Array.from({ length: table.count }, (_, row) => row);
  return { table, lines, job: HashJob.of(table, lines, splitUnits(pending, table.states)) };
}

describe("a job", () => {
  it("is done by one worker alone, to the same lines", async () => {
    using folder = new TestFolder();
    fillLarge(folder);
    const { lines, job, table } = await prepare(folder);
    const worker = new Worker(source("worker.ts"));
    worker.postMessage(job.shared);
    worker.postMessage(null);
    await new Promise((resolve) => worker.once("exit", resolve));
    expect(job.bytes).toBe(table.bytes);
    const there = Buffer.from(lines.buffer);
    lines.buffer.fill(0, 0, 64);
    // Nothing is left to do: the line that was wiped stays so.
    await runSliced(job.finish(), {});
    expect(lines.digest(0)).toBe("\0".repeat(64));
    expect(there.equals((await hashTree(folder.path)).lines)).toBe(true);
  });

  it("that a worker could not do is finished, or fails with the file's error", async () => {
    using folder = new TestFolder();
    for (let i = 0; i < 10; i++) truncateSync(folder.file(`${i}`, ""), 9_000_000);
    const first = await prepare(folder);
    truncateSync(join(folder.path, "5"), 1);
    first.job.workAlone();
    expect(first.job.bytes).toBeLessThan(first.table.bytes);
    const error = await failure(runSliced(first.job.finish(), {}));
    expect(error.message).toBe(`${folder.path}/5 changed while it was read`);

    const second = await prepare(folder);
    second.job.stop();
    second.job.workAlone();
    expect(second.job.bytes).toBe(0);
    await runSliced(second.job.finish(), {});
    const tree = await hashTree(folder.path);
    expect(Buffer.from(second.lines.buffer).equals(tree.lines)).toBe(true);
  });

  it("reports what one thread cannot read in a large tree", async () => {
    using folder = new TestFolder();
    fillLarge(folder);
    const { job } = await prepare(folder);
    truncateSync(join(folder.path, "data/0"), 0);
    job.workAlone();
    const error = await failure(runSliced(job.finish(), {}));
    expect(error.code).toBe("CTXPACK_E_TREE");
  });
});

describe("bundled", () => {
  const digestOf = (folder: TestFolder, bundle: string): string => {
    const script = `import { hashTree } from ${JSON.stringify(`file://${bundle}`)};
      console.log((await hashTree(${JSON.stringify(folder.path)})).digest);`;
    return execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    }).trim();
  };

  it("starts the worker beside it, and does without when there is none", async () => {
    using folder = new TestFolder();
    using out = new TestFolder();
    fillLarge(folder);
    const options = {
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "silent",
      target: "node24",
    } as const;
    const alone = join(out.path, "alone/index.mjs");
    await build({ ...options, entryPoints: [source("hash.ts")], outfile: alone });
    const { digest } = await hashTree(folder.path);
    expect(digestOf(folder, alone)).toBe(digest);

    // A worker in its place that writes nonsense into every line shows that it is started.
    const together = join(out.path, "together/index.mjs");
    mkdirSync(join(out.path, "together"));
    copyFileSync(alone, together);
    await build({
      ...options,
      entryPoints: [source("worker.ts")],
      outfile: join(out.path, "together/ctxpack-tree-worker.js"),
    });
    expect(digestOf(folder, together)).toBe(digest);
    if (availableParallelism() < 2) return;
    const spoiled = folderOfSpoiledWorker(out, alone);
    expect(digestOf(folder, spoiled)).not.toBe(digest);
  });
});

function folderOfSpoiledWorker(out: TestFolder, bundle: string): string {
  const copy = out.file("spoiled/index.mjs", "");
  copyFileSync(bundle, copy);
  out.file(
    "spoiled/ctxpack-tree-worker.js",
    `const { parentPort } = require("node:worker_threads");
     parentPort.on("message", (job) => {
       if (job === null) return parentPort.close();
       new Uint8Array(job.done).fill(1);
       Atomics.store(new Int32Array(job.control), 0, 1 << 20);
     });`,
  );
  return copy;
}
