import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack, type PackRecord } from "@ctxpack/client";
import { listBriefs, listStored } from "@ctxpack/client/list";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-list-"));
afterAll(() => removeReadOnly(cwd));

const env = (store: string) => ({ HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, store) });

async function seed(store: string, count: number): Promise<void> {
  await using ctx = await CtxPack.open({ cwd, env: env(store) });
  const out = join(cwd, "out");
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "a.txt"), "a");
  for (let i = 0; i < count; i++) {
    await ctx.seed(out, { contract: { transforms: [{ tool: `tool ${i}` }] }, name: `pack ${i}` });
  }
}

test("the packs are those that CtxPack lists, and nothing of it is left in the store", async () => {
  await seed("store", 3);
  const found = await listStored({ cwd, env: env("store") });
  expect(found?.cacheDir).toBe(join(cwd, "store"));
  await using ctx = await CtxPack.open({ cwd, env: env("store") });
  const listed: PackRecord[] = [];
  for await (const record of ctx.list()) listed.push(record);
  expect(found?.packs).toEqual(listed);
  expect(listed).toHaveLength(3);
  const short = await listBriefs({ cwd, env: env("store") });
  expect(short?.cacheDir).toBe(join(cwd, "store"));
  const briefs = listed.map(({ manifest, tree, origin, createdAt, outputs, ...brief }) => brief);
  expect(short?.packs).toEqual(briefs);
  expect(readdirSync(join(cwd, "store/tmp"))).toEqual([]);
});

test("where there is no store, or one of another version, CtxPack has something to do or to say", async () => {
  expect(await listStored({ cwd, env: env("none") })).toBeUndefined();
  expect(readdirSync(cwd)).not.toContain("none");
  await seed("newer", 1);
  writeFileSync(join(cwd, "newer/VERSION"), "2\n");
  expect(await listStored({ cwd, env: env("newer") })).toBeUndefined();
});

test("what is wrong in a configuration is said, and an aborted signal is thrown", async () => {
  mkdirSync(join(cwd, "project"));
  writeFileSync(join(cwd, "project/ctxpack.config.json"), "{");
  const there = { cwd: join(cwd, "project"), env: env("store") };
  await expect(listStored(there)).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
  const reason = new Error("no longer wanted");
  const signal = AbortSignal.abort(reason);
  await expect(listStored({ cwd, env: env("store"), signal })).rejects.toBe(reason);
});
