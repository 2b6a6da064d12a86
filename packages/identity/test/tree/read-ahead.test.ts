import { createHash } from "node:crypto";
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { hashFile, hashTree } from "../../src/tree/hash.ts";
import type { FileToRead } from "../../src/tree/read.ts";
import { AHEAD_BYTES, readDigestAhead } from "../../src/tree/read-ahead.ts";
import { failure, TestFolder } from "./folder.ts";

/** A file of holes but for its ends, so long that it is read ahead, and not a multiple of anything. */
function large(folder: TestFolder, name = "large", size = AHEAD_BYTES + 4_321): string {
  const path = folder.file(name, "begin");
  truncateSync(path, size - 3);
  appendFileSync(path, "end");
  return path;
}

function listed(path: string): FileToRead {
  return { path, shown: path, state: statSync(path, { bigint: true }) };
}

const sha256 = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

/** The descriptors of this process that are open on a path, where the platform says. */
function openOn(path: string): number {
  if (process.platform !== "linux") return 0;
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) === path) count++;
    } catch {
      // The one that lists them.
    }
  }
  return count;
}

describe("a file that is read ahead", () => {
  it.each([AHEAD_BYTES, AHEAD_BYTES + 1, AHEAD_BYTES + 4_194_303])(
    "has the digest of its %i bytes, in a tree too",
    async (size) => {
      using folder = new TestFolder();
      const path = large(folder, "large", size);
      const hex = sha256(path);
      let told = 0;
      const onBytes = (bytes: number) => {
        told += bytes;
      };
      expect(await readDigestAhead(listed(path), { onBytes })).toBe(hex);
      expect(told).toBe(size);
      expect(await hashFile(path)).toEqual({ digest: `sha256:${hex}`, size });
      const { lines, bytes } = await hashTree(folder.path);
      expect(Buffer.from(lines).toString()).toBe(`${hex}  large\n`);
      expect(bytes).toBe(size);
    },
  );

  it("is told of as it goes on, up to its size", async () => {
    using folder = new TestFolder();
    const path = large(folder);
    const { size } = statSync(path);
    for (const hash of [hashFile, hashTree]) {
      const done: number[] = [];
      await hash(hash === hashFile ? path : folder.path, {
        onProgress: (event) => {
          if (event.unit === "bytes") done.push(event.done);
        },
      });
      expect(done.at(-1)).toBe(size);
      expect(done.length).toBeGreaterThan(2);
      expect(done).toEqual(done.toSorted((a, b) => a - b));
    }
  });

  it.each([
    ["grows", (path: string) => appendFileSync(path, "more")],
    ["shrinks", (path: string) => truncateSync(path, AHEAD_BYTES / 2)],
    ["is written to", (path: string) => writeFileSync(path, "b", { flag: "r+" })],
  ])("that %s meanwhile has none, and is closed", async (_, change) => {
    using folder = new TestFolder();
    const path = large(folder);
    const file = listed(path);
    let calls = 0;
    const onBytes = () => {
      if (++calls === 2) change(path);
    };
    const error = await failure(readDigestAhead(file, { onBytes }));
    expect(error.code).toBe("CTXPACK_E_TREE");
    expect(error.message).toBe(`${path} changed while it was read`);
    expect(openOn(path)).toBe(0);
  });

  it("is closed when nobody wants it any more, after the read that is under way", async () => {
    using folder = new TestFolder();
    const path = large(folder);
    const controller = new AbortController();
    const reason = new Error("enough");
    const { signal } = controller;
    const onBytes = () => controller.abort(reason);
    await expect(readDigestAhead(listed(path), { signal, onBytes })).rejects.toBe(reason);
    expect(openOn(path)).toBe(0);
  });

  it("in a tree, too, stops when aborted, and what its user's function throws is not blamed on it", async () => {
    using folder = new TestFolder();
    const path = large(folder);
    const controller = new AbortController();
    const reason = new Error("enough");
    const aborted = hashTree(folder.path, {
      signal: controller.signal,
      onProgress: ({ unit, done }) => {
        if (unit === "bytes" && done > 0) controller.abort(reason);
      },
    });
    await expect(aborted).rejects.toBe(reason);
    expect(openOn(path)).toBe(0);
    const broken = Object.assign(new Error("broken"), { code: "EACCES" });
    const failing = hashTree(folder.path, {
      onProgress: ({ unit, done }) => {
        if (unit === "bytes" && done > 0) throw broken;
      },
    });
    await expect(failing).rejects.toBe(broken);
    expect(openOn(path)).toBe(0);
  });

  it("leaves the event loop to others", async () => {
    using folder = new TestFolder();
    const path = large(folder);
    let turns = 0;
    let isDone = false;
    const counting = (async () => {
      while (!isDone) {
        await turn();
        turns++;
      }
    })();
    await hashFile(path);
    isDone = true;
    await counting;
    expect(turns).toBeGreaterThan(3);
  });
});
