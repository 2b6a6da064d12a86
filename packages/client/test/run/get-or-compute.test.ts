import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
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

const contract = { transforms: [{ tool: "t" }] };

async function packsOf(ctx: CtxPack): Promise<string[]> {
  const uris: string[] = [];
  for await (const { uri } of ctx.list()) uris.push(uri);
  return uris;
}

function left(cwd: string): string[] {
  const tmp = join(cwd, "store/tmp");
  return existsSync(tmp) ? readdirSync(tmp, { recursive: true, encoding: "utf8" }) : [];
}

test("computes once; the folder it gets is empty, and what it leaves there is the output", async () => {
  const cwd = workplace();
  const ctx = await open(cwd);
  let count = 0;
  const compute = async (dir: string): Promise<void> => {
    count += 1;
    expect(readdirSync(dir)).toEqual([]);
    mkdirSync(join(dir, "sub"));
    writeFileSync(join(dir, "sub/f"), "content");
  };
  const miss = await ctx.getOrCompute(contract, compute);
  expect(miss).toMatchObject({ hit: false, source: "computed" });
  expect(readFileSync(join(miss.path, "sub/f"), "utf8")).toBe("content");
  const hit = await ctx.getOrCompute(contract, compute);
  expect(hit).toMatchObject({ hit: true, source: "store", path: miss.path, uri: miss.uri });
  expect(count).toBe(1);
  expect(left(cwd).filter((name) => /\d+$/.test(name) && name.includes("/"))).toEqual([]);
});

test("many at once in one process and store: one computes, all get the same", async () => {
  const cwd = workplace();
  const others = await Promise.all(Array.from({ length: 4 }, () => open(cwd)));
  let count = 0;
  const all = await Promise.all(
    [...others, ...others].map((ctx) =>
      ctx.getOrCompute(contract, async (dir) => {
        count += 1;
        await new Promise((resolve) => setTimeout(resolve, 300));
        writeFileSync(join(dir, "f"), crypto.randomUUID());
      }),
    ),
  );
  expect(count).toBe(1);
  expect(new Set(all.map(({ record }) => record.tree)).size).toBe(1);
});

test("what throws, is aborted, or changes its inputs is not stored; the error is its own", async () => {
  const cwd = workplace();
  const ctx = await open(cwd);
  const failure = new Error("no luck");
  const failing = ctx.getOrCompute(contract, async (dir) => {
    writeFileSync(join(dir, "half"), "");
    throw failure;
  });
  await expect(failing).rejects.toBe(failure);
  const stop = new AbortController();
  const reason = new Error("stop");
  const stopped = ctx.getOrCompute(
    contract,
    async (_, { signal }) => {
      stop.abort(reason);
      expect(signal.aborted).toBe(true);
    },
    { signal: stop.signal },
  );
  await expect(stopped).rejects.toBe(reason);
  mkdirSync(join(cwd, "in"));
  writeFileSync(join(cwd, "in/a"), "a");
  const withInput = { ...contract, inputs: [{ name: "in", path: "in" }] };
  const changing = ctx.getOrCompute(withInput, async () => writeFileSync(join(cwd, "in/a"), "b"));
  await expect(changing).rejects.toMatchObject({ code: "CTXPACK_E_TREE" });
  expect(await packsOf(ctx)).toEqual([]);
  expect(readdirSync(join(cwd, "store/claims"))).toEqual([]);
  // Nothing stands in the way of the next one.
  await ctx.getOrCompute(contract, async (dir) => writeFileSync(join(dir, "f"), ""));
});

test("a secret is refused before anything is computed", async () => {
  const ctx = await open(workplace());
  const secret = { transforms: [{ tool: "t", params: { api_key: "x" } }] };
  const compute = async (): Promise<void> => expect.unreachable();
  await expect(ctx.getOrCompute(secret, compute)).rejects.toMatchObject({
    code: "CTXPACK_E_SECRET",
  });
  const frozen = ctx.getOrCompute(contract, compute, { frozen: true });
  await expect(frozen).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
});

test("a policy that refuses a pantry's result ends it; on-untrusted computes instead", async () => {
  const cwd = workplace();
  const maker = await open(cwd);
  const compute = async (dir: string): Promise<void> => writeFileSync(join(dir, "f"), "x");
  await maker.getOrCompute(contract, compute, { push: true, to: "oci:pantry" });
  rmSync(join(cwd, "store"), { recursive: true, force: true });
  const refuse = async (): Promise<never> => {
    const { CtxPackError } = await import("@ctxpack/client");
    throw new CtxPackError("CTXPACK_E_POLICY", "no proof");
  };
  const ctx = await open(cwd, { cacheDir: "b", pantries: ["oci:pantry"], accept: refuse });
  const refused = ctx.getOrCompute(contract, async () => expect.unreachable());
  await expect(refused).rejects.toMatchObject({ code: "CTXPACK_E_POLICY" });
  const reasons: string[] = [];
  const computed = await ctx.getOrCompute(contract, compute, {
    onUntrusted: "miss",
    onEvent: (event) => void (event.kind === "miss" && reasons.push(event.reason)),
  });
  expect(computed).toMatchObject({ hit: false });
  expect(reasons).toEqual([expect.stringContaining("oci:pantry: no proof")]);
});

test("a store that must not be written: the folder is there as long as the session", async () => {
  const cwd = workplace();
  let path: string;
  {
    await using ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store" });
    const cache = { local: "r", remote: "none" } as const;
    const got = await ctx.getOrCompute(
      contract,
      async (dir) => writeFileSync(join(dir, "f"), "x"),
      {
        cache,
      },
    );
    path = got.path;
    expect(readFileSync(join(path, "f"), "utf8")).toBe("x");
    expect(await packsOf(ctx)).toEqual([]);
  }
  expect(existsSync(path)).toBe(false);
});
