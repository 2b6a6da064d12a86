// A session may last for weeks: what it judges by is what the files say now.
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { scratchFolder } from "@ctxpack/test-tools";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { contract, openerIn, policyIn, pushedIn, signerIn } from "./trusting.ts";

let cwd: string;
let uri: CtxUri;
beforeEach(async () => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  cwd = scratch.path;
  await signerIn(cwd, "team");
  await signerIn(cwd, "stranger");
  uri = await pushedIn(cwd, "team");
  policyIn(cwd, "policy.json", "team");
});

test("a policy that is edited decides from the next pack on", async () => {
  await using ctx = await openerIn(cwd)("b", "policy.json");
  await ctx.pull(uri);
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true });
  policyIn(cwd, "policy.json", "stranger");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
  await expect(ctx.pull(uri)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_KEY" });
  policyIn(cwd, "policy.json", "team");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
});

test("a policy that is taken away is no policy less", async () => {
  await using ctx = await openerIn(cwd)("b", "policy.json");
  await ctx.pull(uri);
  rmSync(join(cwd, "policy.json"));
  await expect(ctx.pull(uri)).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
});

test("a pinned policy that is edited judges nothing any more", async () => {
  const bytes = readFileSync(join(cwd, "policy.json"));
  const policySha256 = createHash("sha256").update(bytes).digest("hex");
  const options = { cwd, env: { HOME: cwd }, cacheDir: join(cwd, "b"), pantries: ["oci:pantry"] };
  await using ctx = await CtxPack.open({ ...options, policy: "policy.json", policySha256 });
  await ctx.pull(uri);
  writeFileSync(join(cwd, "policy.json"), `${bytes}\n`);
  await expect(ctx.resolve(contract)).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
});
