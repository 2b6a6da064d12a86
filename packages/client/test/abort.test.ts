import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack, type ProgressEvent } from "@ctxpack/client";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-abort-"));
afterAll(() => removeReadOnly(cwd));

const contract = { transforms: [{ tool: "t" }] };
const open = (cacheDir: string) =>
  CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir, pantries: ["oci:pantry"] });

mkdirSync(join(cwd, "out"));
for (let i = 0; i < 12; i++) {
  const bytes = new Uint8Array(1_000_000);
  for (let at = 0; at < bytes.length; at += 50_000) {
    crypto.getRandomValues(bytes.subarray(at, at + 50_000));
  }
  writeFileSync(join(cwd, `out/${i}`), bytes);
}

/** Descriptors of this process that are open on files below `cwd`. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    })
    .filter((path) => path.startsWith(cwd));
}

test("an aborted signal is thrown by every method before anything happens", async () => {
  const reason = new Error("no longer wanted");
  const signal = AbortSignal.abort(reason);
  const uri = `ctx://sha256:${"0".repeat(64)}`;
  await expect(CtxPack.open({ cwd, env: {}, signal })).rejects.toBe(reason);
  await using ctx = await open("untouched");
  const calls: Record<string, () => Promise<unknown>> = {
    uri: () => ctx.uri(contract, { signal }),
    legacyUri: () => ctx.legacyUri("c.json", { signal }),
    resolve: () => ctx.resolve(contract, { signal }),
    seed: () => ctx.seed("out", { contract, signal }),
    push: () => ctx.push(uri, { signal }),
    pull: () => ctx.pull(uri, { signal }),
    exists: () => ctx.exists(uri, { signal }),
    inspect: () => ctx.inspect(uri, { signal }),
    entries: () => ctx.entries(uri, { signal }),
    cat: async () => await ctx.cat(uri, "f", { signal })[Symbol.asyncIterator]().next(),
    diff: () => ctx.diff(uri, uri, { signal }),
    tag: () => ctx.tag(uri, "t", { signal }),
    copy: () => ctx.copy("oci:a", "oci:b", { all: true, signal }),
    list: async () => await ctx.list({ signal })[Symbol.asyncIterator]().next(),
    remove: () => ctx.remove(uri, { signal }),
    pin: () => ctx.pin(uri, { signal }),
    unpin: () => ctx.unpin(uri, { signal }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await expect(call(), name).rejects.toBe(reason);
  }
  expect(existsSync(join(cwd, "untouched"))).toBe(false);
});

/** Aborts at the n-th progress event; says whether it came to that. */
async function abortAt(
  n: number,
  work: (o: {
    signal: AbortSignal;
    onProgress: (event: ProgressEvent) => void;
  }) => Promise<unknown>,
): Promise<boolean> {
  const controller = new AbortController();
  const reason = new Error("enough");
  let seen = 0;
  const onProgress = () => {
    if (++seen === n) controller.abort(reason);
  };
  try {
    await work({ signal: controller.signal, onProgress });
    return false;
  } catch (error) {
    expect(error).toBe(reason);
    return true;
  }
}

test("seed, push and pull aborted midway leave no pack, no open file, and can be done again", async () => {
  await using a = await open("store-a");
  await using b = await open("store-b");
  const { uri } = await a.uri(contract);
  const before = openFiles().length;
  let aborted = 0;
  for (const n of [1, 2, 5, 9]) {
    if (await abortAt(n, (o) => a.seed("out", { contract, ...o }))) {
      aborted++;
      expect((await a.exists(uri, {})).where).toEqual([]);
    }
  }
  await a.seed("out", { contract });
  for (const n of [1, 2, 5, 9]) {
    if (await abortAt(n, (o) => a.push(uri, { to: "oci:pantry", ...o }))) {
      aborted++;
      expect((await a.exists(uri, {})).where).toEqual(["store"]);
    }
  }
  await a.push(uri, { to: "oci:pantry" });
  for (const n of [1, 2, 5, 9]) {
    if (await abortAt(n, (o) => b.pull(uri, o))) aborted++;
  }
  const { path } = await b.pull(uri);
  expect(readdirSync(path)).toHaveLength(12);
  expect(aborted).toBeGreaterThanOrEqual(9);
  expect(openFiles().length).toBeLessThanOrEqual(before + 2);
});
