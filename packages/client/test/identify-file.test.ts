import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { identifyFile } from "@ctxpack/client/identify";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-identify-"));
afterAll(() => removeReadOnly(cwd));

const cacheDir = join(cwd, "store");
const env = { HOME: cwd, CTXPACK_CACHE_DIR: cacheDir, REGION: "eu" };
mkdirSync(join(cwd, "docs/sub"), { recursive: true });
writeFileSync(join(cwd, "docs/a.txt"), "a");
writeFileSync(join(cwd, "docs/sub/b.txt"), "b");
const contract = {
  inputs: [{ name: "docs", path: "docs" }],
  transforms: [{ tool: "t", env: ["REGION"] }],
};
writeFileSync(join(cwd, "contract.json"), JSON.stringify(contract));

test("a contract file has the URI that CtxPack gives it, and its file list is kept", async () => {
  const found = await identifyFile("contract.json", { cwd, env });
  const { resolved } = found ?? {};
  const [input] = resolved?.inputs ?? [];
  const hex = (input as { digest: string }).digest.slice("dirHash1:".length);
  expect(readdirSync(join(cacheDir, "blobs/sha256"))).toEqual([hex]);
  expect(readdirSync(join(cacheDir, "tmp"))).toEqual([]);
  await using ctx = await CtxPack.open({ cwd, env });
  expect(found).toEqual(await ctx.uri("contract.json"));
  expect(await identifyFile("contract.json", { cwd, env, statCache: false })).toEqual(found);
});

test("a resolved contract is its own", async () => {
  const found = await identifyFile("contract.json", { cwd, env });
  writeFileSync(join(cwd, "resolved.json"), found?.bytes ?? "");
  expect((await identifyFile("resolved.json", { cwd, env }))?.uri).toBe(found?.uri);
});

test("packs among the inputs are for CtxPack", async () => {
  const pack = `ctx://sha256:${"1".repeat(64)}`;
  const inputs = [{ name: "p", pack }];
  writeFileSync(join(cwd, "packs.json"), JSON.stringify({ ...contract, inputs }));
  expect(await identifyFile("packs.json", { cwd, env })).toBeUndefined();
});

// Not even root makes a folder there.
test.runIf(existsSync("/sys/kernel"))("where no store can be, nothing is remembered", async () => {
  const nowhere = { ...env, CTXPACK_CACHE_DIR: "/sys/ctxpack-store" };
  const found = await identifyFile("contract.json", { cwd, env: nowhere });
  expect(found).toEqual(await identifyFile("contract.json", { cwd, env }));
  expect(existsSync("/sys/ctxpack-store")).toBe(false);
});

test("an aborted signal is thrown", async () => {
  const reason = new Error("no longer wanted");
  const signal = AbortSignal.abort(reason);
  await expect(identifyFile("contract.json", { cwd, env, signal })).rejects.toBe(reason);
});
