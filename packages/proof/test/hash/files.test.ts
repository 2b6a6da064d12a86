import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { hashFiles, type MetricsSink } from "../../src/index.ts";
import { workplace } from "../workplace.ts";

const place = workplace();
const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** More than threads are started for, without any disk space. */
async function largeFiles(): Promise<{ dir: string; paths: string[]; zeros: string }> {
  const dir = await place();
  const paths = ["a", "b"].map((name) => join(dir, name));
  for (const path of paths) {
    writeFileSync(path, "");
    truncateSync(path, 200 << 20);
  }
  const hash = createHash("sha256");
  const chunk = Buffer.alloc(1 << 20);
  for (let i = 0; i < 200; i++) hash.update(chunk);
  return { dir, paths, zeros: `sha256:${hash.digest("hex")}` };
}

describe("hashFiles", () => {
  it.each([1, 3, 64])(
    "gives digests in the order of the paths, %i at a time",
    async (concurrency) => {
      const dir = await place();
      const files = Array.from({ length: 40 }, (_, index) => {
        const path = join(dir, `f${index}`);
        // Around the size of a lane's buffer as well.
        const bytes = randomBytes(index % 13 === 0 ? (1 << 20) + index - 13 : index * 17);
        writeFileSync(path, bytes);
        return { path, digest: digestOf(bytes), size: bytes.length };
      });
      const paths = files.map(({ path }) => path);
      expect(await hashFiles(paths, { concurrency })).toEqual(files);
    },
  );

  it("has an entry for what cannot be read, and goes on", async () => {
    const dir = await place();
    mkdirSync(join(dir, "folder"));
    writeFileSync(join(dir, "a"), "a");
    const paths = ["none", "folder", "a"].map((name) => join(dir, name));
    expect(await hashFiles(paths)).toEqual([
      { path: paths[0], error: expect.objectContaining({ code: "CTXPACK_E_PATH_NOT_FOUND" }) },
      { path: paths[1], error: expect.objectContaining({ code: "CTXPACK_E_TREE" }) },
      { path: paths[2], digest: digestOf(Buffer.from("a")), size: 1 },
    ]);
  });

  it("has nothing to do for no files", async () => {
    expect(await hashFiles([])).toEqual([]);
  });

  it.each([0, 65, 1.5, Number.NaN])("refuses a concurrency of %d", async (concurrency) => {
    await expect(hashFiles([], { concurrency })).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
  });

  it("reports every byte once, and measures", async () => {
    const dir = await place();
    writeFileSync(join(dir, "a"), "abc");
    writeFileSync(join(dir, "b"), "de");
    const events: unknown[] = [];
    const [histogram, gauge] = [vi.fn(), vi.fn()];
    const metrics: MetricsSink = { counter: () => {}, gauge, histogram };
    const paths = [join(dir, "a"), join(dir, "b")];
    await hashFiles(paths, { metrics, onProgress: (event) => events.push(event) });
    expect(events.at(-1)).toEqual({ phase: "hash", unit: "bytes", done: 5, total: 5 });
    expect(histogram.mock.calls).toEqual([
      ["proof_artifacts.hash.duration_ms", expect.any(Number)],
      ["proof_artifacts.hash.bytes", 5],
    ]);
    expect(gauge).toHaveBeenCalledWith("proof_artifacts.process.rss_bytes", expect.any(Number));
  });

  it("works in threads where there is much to do, and says the same", async () => {
    const { dir, paths, zeros } = await largeFiles();
    const missing = join(dir, "none");
    let last = 0;
    const found = await hashFiles([...paths, missing], {
      onProgress: ({ done }) => {
        last = done;
      },
    });
    expect(found).toEqual([
      { path: paths[0], digest: zeros, size: 200 << 20 },
      { path: paths[1], digest: zeros, size: 200 << 20 },
      { path: missing, error: expect.objectContaining({ code: "CTXPACK_E_PATH_NOT_FOUND" }) },
    ]);
    expect(last).toBe(400 << 20);
  });

  it("stops everything when it is aborted", async () => {
    const { paths } = await largeFiles();
    const abort = new AbortController();
    const reason = new Error("enough");
    const hashing = hashFiles(paths, {
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    });
    await expect(hashing).rejects.toBe(reason);
    await expect(hashFiles(paths, { signal: abort.signal })).rejects.toBe(reason);
  });

  it.each([
    ["are not allowed to start", "throws"],
    ["die at once", "dies"],
  ])("does it alone where threads %s", async (_, how) => {
    vi.resetModules();
    onTestFinished(() => {
      vi.doUnmock("node:worker_threads");
      vi.resetModules();
    });
    // What a platform does that has no threads, or no room for one: our own parts stay as they are.
    vi.doMock("node:worker_threads", async (original) => {
      const real = await original<typeof import("node:worker_threads")>();
      class Dead extends real.Worker {
        constructor() {
          if (how === "throws") throw new Error("no threads here");
          super("process.exit(1)", { eval: true });
        }
      }
      return { ...real, Worker: Dead };
    });
    const { hashFiles: alone } = await import("../../src/hash/files.ts");
    const { paths, zeros } = await largeFiles();
    const found = await alone(paths);
    expect(found.map((file) => "digest" in file && file.digest)).toEqual([zeros, zeros]);
  });
});
