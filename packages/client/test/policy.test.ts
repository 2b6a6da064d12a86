import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Accept, CtxPack, CtxPackError } from "@ctxpack/client";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-policy-"));
afterAll(() => removeReadOnly(cwd));

const contract = { transforms: [{ tool: "t" }] };
const env = { HOME: cwd };

function open(cacheDir: string, accept?: Accept): Promise<CtxPack> {
  return CtxPack.open({ cwd, env, cacheDir, pantries: ["oci:pantry"], accept });
}

async function seeded(): Promise<string> {
  mkdirSync(join(cwd, "out"), { recursive: true });
  writeFileSync(join(cwd, "out/data"), "data");
  await using ctx = await open("store-a");
  const { record } = await ctx.seed("out", { contract });
  await ctx.push(record.uri);
  return record.uri;
}

test("the gate is asked before anything but the manifest is fetched, and its no is the answer", async () => {
  const uri = await seeded();
  const asked: string[] = [];
  const refuse: Accept = async (manifest, config) => {
    asked.push(manifest.digest, config.digest);
    throw new CtxPackError("CTXPACK_E_POLICY", "no proof");
  };
  await using ctx = await open("store-b", refuse);
  await expect(ctx.pull(uri)).rejects.toMatchObject({ code: "CTXPACK_E_POLICY" });
  expect(asked[1]).toBe(uri.slice("ctx://".length));
  await expect(ctx.inspect(uri)).rejects.toMatchObject({ code: "CTXPACK_E_POLICY" });
  const found = await ctx.resolve(contract);
  expect(found).toMatchObject({ hit: false, misses: [{ where: "store" }, { reason: "no proof" }] });
  const left = readdirSync(join(cwd, "store-b"), { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => /[0-9a-f]{64}$/.test(path))).toEqual([]);
});

test("a yes lets it in and is said", async () => {
  const uri = await seeded();
  await using ctx = await open("store-c", async () => {});
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy", source: "oci:pantry" });
  expect(await ctx.pull(uri)).toMatchObject({ verified: "nothing fetched", source: "store" });
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
});

test("without a policy it is said that there is none", async () => {
  const uri = await seeded();
  await using ctx = await open("store-d");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "oci:pantry" });
  expect(await ctx.pull(uri)).toMatchObject({ verified: "no policy" });
});

test("a policy that is not there is an error from the start", async () => {
  const opened = CtxPack.open({ cwd, env: { ...env, CTXPACK_POLICY: "none.json" } });
  await expect(opened).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
});
