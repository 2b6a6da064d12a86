import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
import type { ResolvedContract } from "@ctxpack/identity";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";

function workplace(): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}

async function open(cwd: string, more: OpenOptions = {}): Promise<CtxPack> {
  const ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store", ...more });
  onTestFinished(() => ctx[Symbol.asyncDispose]());
  return ctx;
}

async function packsOf(ctx: CtxPack): Promise<string[]> {
  const uris: string[] = [];
  for await (const { uri } of ctx.list()) uris.push(uri);
  return uris;
}

const identity = { name: "embed", version: "1", model: "m" };

/** A function that counts how often it ran. */
function counting<In, Out>(fn: (input: In) => Out) {
  const state = { runs: 0 };
  return {
    state,
    fn: async (input: In): Promise<Out> => {
      state.runs += 1;
      return fn(input);
    },
  };
}

test("remembers JSON, across processes' worth of sessions", async () => {
  const cwd = workplace();
  const { fn, state } = counting((text: string) => ({
    length: text.length,
    text,
    parts: [1.5, null],
  }));
  const first = (await open(cwd)).memoize(fn, identity);
  const made = await first("häßlich");
  expect(made).toEqual({ length: 7, text: "häßlich", parts: [1.5, null] });
  const second = (await open(cwd)).memoize(fn, identity);
  const again = await second("häßlich");
  expect(again).toEqual(made);
  expect(again).not.toBe(made);
  expect(state.runs).toBe(1);
});

test("remembers bytes, and long JSON, by their digests; each caller has bytes of its own", async () => {
  const ctx = await open(workplace());
  const { fn, state } = counting((input: Uint8Array | string) =>
    typeof input === "string" ? new TextEncoder().encode(input.slice(0, 3)) : input.slice(0, 3),
  );
  const remembered = ctx.memoize(fn, identity);
  const got = await remembered(Uint8Array.of(9, 8, 7, 6));
  expect(got).toEqual(Uint8Array.of(9, 8, 7));
  got[0] = 0;
  expect(await remembered(Uint8Array.of(9, 8, 7, 6))).toEqual(Uint8Array.of(9, 8, 7));
  const long = "long ".repeat(300_000);
  await remembered(long);
  expect(new TextDecoder().decode(await remembered(long))).toBe("lon");
  expect(state.runs).toBe(2);
  const names: string[] = [];
  for (const uri of await packsOf(ctx)) {
    const { contract } = await ctx.inspect(uri);
    for (const { name, digest } of (contract as ResolvedContract).inputs) {
      expect(digest).toMatch(/^sha256:/);
      names.push(name);
    }
  }
  expect(names.sort()).toEqual(["bytes", "json"]);
});

test("name, version, model and input decide, in this process and the next", async () => {
  const ctx = await open(workplace());
  const { fn, state } = counting((n: number) => n);
  for (const more of [
    {},
    { name: "other" },
    { version: "2" },
    { model: "n" },
    { model: undefined },
  ]) {
    await ctx.memoize(fn, { ...identity, ...more })(1);
  }
  await ctx.memoize(fn, identity)(2);
  expect(state.runs).toBe(6);
  await ctx.memoize(fn, identity)(1);
  expect(state.runs).toBe(6);
});

test("a call is a contract like any other", async () => {
  const ctx = await open(workplace());
  await ctx.memoize(async () => 1, identity)({ b: [1], a: "x" });
  const contract = {
    inputs: [{ name: "value", value: { a: "x", b: [1] } }],
    transforms: [{ tool: "embed", tool_version: "1", model: "m" }],
  };
  const { uri } = await ctx.uri(contract);
  expect(await packsOf(ctx)).toEqual([uri]);
});

test("equal calls at once run once; others do not wait", async () => {
  const ctx = await open(workplace());
  const { promise: gate, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const remembered = ctx.memoize(async (n: number) => {
    runs += 1;
    if (n === 1) await gate;
    return { n };
  }, identity);
  const many = Array.from({ length: 20 }, () => remembered(1));
  expect(await remembered(2)).toEqual({ n: 2 });
  resolve();
  const all = await Promise.all(many);
  expect(runs).toBe(2);
  expect(all.every(({ n }) => n === 1)).toBe(true);
  expect(new Set(all).size).toBe(20);
});

test("an aborted caller leaves the others alone; when all have left, the function is told", async () => {
  const ctx = await open(workplace());
  const started = Promise.withResolvers<AbortSignal>();
  const gate = Promise.withResolvers<number>();
  const remembered = ctx.memoize(async (_: number, { signal }) => {
    started.resolve(signal);
    signal.addEventListener("abort", () => gate.reject(signal.reason));
    return await gate.promise;
  }, identity);
  const [a, b] = [new AbortController(), new AbortController()];
  const [first, second] = [remembered(1, a), remembered(1, b)];
  const inner = await started.promise;
  a.abort(new Error("first left"));
  await expect(first).rejects.toThrow("first left");
  expect(inner.aborted).toBe(false);
  b.abort(new Error("second left"));
  await expect(second).rejects.toThrow("second left");
  expect(inner.reason).toMatchObject({ message: "second left" });
  expect(await packsOf(ctx)).toEqual([]);
  await expect(remembered(1, { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow(
    "before",
  );
});

test("what throws is not remembered", async () => {
  const ctx = await open(workplace());
  let runs = 0;
  const remembered = ctx.memoize(async (n: number) => {
    runs += 1;
    if (runs === 1) throw new Error("no luck");
    return n;
  }, identity);
  await expect(remembered(1)).rejects.toThrow("no luck");
  expect(await packsOf(ctx)).toEqual([]);
  expect([await remembered(1), await remembered(1), runs]).toEqual([1, 1, 2]);
});

test.each([
  ["a Float32Array", { vector: new Float32Array(2) }, "/vector"],
  ["undefined", undefined, "undefined"],
  ["a Date", [new Date(0)], "/0"],
  ["NaN", { a: Number.NaN }, "NaN"],
  ["a Map", new Map(), "Map"],
])("%s is no result, and no input", async (_, value, where) => {
  const ctx = await open(workplace());
  const usage = { code: "CTXPACK_E_USAGE", message: expect.stringContaining(where) };
  await expect(ctx.memoize(async () => value, identity)(1)).rejects.toMatchObject(usage);
  await expect(ctx.memoize(async () => 1, identity)(value)).rejects.toMatchObject(usage);
  expect(await packsOf(ctx)).toEqual([]);
});

test("what makes no contract is said at once; a secret is not stored", async () => {
  const ctx = await open(workplace());
  expect(() => ctx.memoize(async () => 1, { name: "", version: "1" })).toThrow(/tool/);
  const secret = ctx.memoize(async () => 1, identity)(`-----BEGIN PRIVATE KEY-----`);
  await expect(secret).rejects.toMatchObject({ code: "CTXPACK_E_SECRET" });
});

test("a damaged result is computed again, an older store's is used through a pantry", async () => {
  const cwd = workplace();
  const ctx = await open(cwd);
  const { fn, state } = counting((n: number) => ({ n }));
  const shared = { ...identity, push: true, to: "oci:pantry" };
  await ctx.memoize(fn, shared)(1);
  const other = await open(cwd, { cacheDir: "other", pantries: ["oci:pantry"] });
  expect(await other.memoize(fn, identity)(1)).toEqual({ n: 1 });
  expect(state.runs).toBe(1);
  const blobs = join(cwd, "store/blobs/sha256");
  rmSync(blobs, { recursive: true });
  mkdirSync(blobs);
  expect(await (await open(cwd)).memoize(fn, identity)(1)).toEqual({ n: 1 });
  expect(state.runs).toBe(2);
});

test("memoize alone works in the store of the process, and lets it end", () => {
  const cwd = workplace();
  mkdirSync(join(cwd, "node_modules/@ctxpack"), { recursive: true });
  symlinkSync(join(import.meta.dirname, "../.."), join(cwd, "node_modules/@ctxpack/client"));
  writeFileSync(
    join(cwd, "example.mjs"),
    `import { memoize } from "@ctxpack/client";
     const square = memoize(async (n) => { console.log("computed"); return n * n; }, { name: "square", version: "1" });
     console.log(await Promise.all([square(7), square(7)]));`,
  );
  const env = { PATH: process.env["PATH"], NODE_OPTIONS: process.env["NODE_OPTIONS"], HOME: cwd };
  const run = () =>
    spawnSync(process.execPath, ["example.mjs"], { cwd, encoding: "utf8", env, timeout: 30_000 });
  expect(run()).toMatchObject({ status: 0, stderr: "", stdout: "computed\n[ 49, 49 ]\n" });
  expect(run()).toMatchObject({ status: 0, stderr: "", stdout: "[ 49, 49 ]\n" });
});
