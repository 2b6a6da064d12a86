// A pack of the store under a policy that wants what it was made from judged, too: by what the store holds, without a pantry.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";
import { contract, openerIn, signerIn } from "./trusting.ts";

interface Made {
  readonly cwd: string;
  readonly base: CtxUri;
  readonly derived: CtxUri;
}

/** A pack and one that was made from it, in the pantry; signed by `signer` of each. */
async function twoPacks(signers: { base: string; derived: string }): Promise<Made> {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const cwd = scratch.path;
  for (const name of ["team", "stranger"]) await signerIn(cwd, name);
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/data"), "data");
  await using ctx = await openerIn(cwd)("made");
  const base = (await ctx.seed("out", { contract })).record.uri;
  const from = { inputs: [{ name: "base", pack: base }], transforms: [{ tool: "chunk" }] };
  const derived = (await ctx.seed("out", { contract: from })).record.uri;
  for (const [uri, name] of [
    [base, signers.base],
    [derived, signers.derived],
  ] as const) {
    await ctx.push(uri);
    await ctx.attest(uri, { key: `${name}.pem`, to: "oci:pantry" });
  }
  return { cwd, base, derived };
}

/** Whether the store `b`, alone, takes the pack under a policy that has accepted nothing yet. */
async function accepted({ cwd, derived }: Made, dependencies: string) {
  const publicKey = readFileSync(join(cwd, "team.pub"), "utf8");
  const rules = [{ require: [{ signers: ["team"] }], dependencies }];
  const policy = { schema: "ctxpack.policy/v1", signers: { team: { publicKey } }, rules };
  writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const options = { cwd, env: { HOME: cwd }, cacheDir: join(cwd, "b"), pantries: [] };
  await using ctx = await CtxPack.open({ ...options, policy: "policy.json" });
  return (await ctx.exists(derived)).where.includes("store");
}

/** Under a policy that believes the signer: proofs are kept with a pack that one has accepted. */
async function pull({ cwd }: Made, uri: CtxUri, signer: string): Promise<void> {
  await using ctx = await openerIn(cwd)("b", `${signer}.json`);
  await ctx.pull(uri, { from: "oci:pantry" });
}

test("accepted when the store has what it was made from, and who signed that counts", async () => {
  const made = await twoPacks({ base: "team", derived: "team" });
  await pull(made, made.base, "team");
  await pull(made, made.derived, "team");
  expect(await accepted(made, "verify")).toBe(true);
});

test("a miss when what it was made from is not in the store", async () => {
  const made = await twoPacks({ base: "team", derived: "team" });
  await pull(made, made.derived, "team");
  expect(await accepted(made, "digest")).toBe(true);
  expect(await accepted(made, "verify")).toBe(false);
});

test("a miss when somebody else signed what it was made from", async () => {
  const made = await twoPacks({ base: "stranger", derived: "team" });
  await pull(made, made.base, "stranger");
  await pull(made, made.derived, "team");
  expect(await accepted(made, "digest")).toBe(true);
  expect(await accepted(made, "verify")).toBe(false);
});
