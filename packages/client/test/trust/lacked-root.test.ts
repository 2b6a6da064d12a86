// A trust root that is not to be had: told where a verdict hangs on it, and only there; asked for again in the same session.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
import { type CtxUri, sha256 } from "@ctxpack/identity";
import {
  identityToken,
  type Sigstore,
  scratchFolder,
  startSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from "@ctxpack/test-tools";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { contract, pushedIn, signerIn } from "./trusting.ts";

const DOWN = { code: "CTXPACK_E_UNAVAILABLE", message: expect.stringMatching(/trust root/) };

let services: Sigstore;
beforeAll(async () => {
  services = await startSigstore();
}, 60_000);
afterAll(() => services[Symbol.asyncDispose]());

let cwd: string;
beforeEach(async () => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  onTestFinished(() => services.fault("tuf"));
  cwd = scratch.path;
  await signerIn(cwd, "team");
  await signerIn(cwd, "stranger");
  writeFileSync(join(cwd, "signing.json"), services.signingConfig);
  writeFileSync(join(cwd, "root.json"), services.tufRoot);
  writeFileSync(join(cwd, "trusted.json"), services.trustedRoot);
  const { tuf } = services.urls;
  const root = { tuf, root: "root.json", sha256: sha256(Buffer.from(services.tufRoot)).slice(7) };
  policy("policy.json", root);
});

/** Believes the workflow, by this trust root, and the team's key. */
function policy(file: string, own: object, more: object = {}): void {
  const ci = { identity: TEST_IDENTITY, issuer: TEST_ISSUER, trustRoot: "own" };
  const team = { publicKey: readFileSync(join(cwd, "team.pub"), "utf8") };
  const rules = [{ ...more, require: [{ signers: ["ci", "team"] }] }];
  const written = { trustRoots: { own }, signers: { ci, team }, rules };
  writeFileSync(join(cwd, file), JSON.stringify({ schema: "ctxpack.policy/v1", ...written }));
}

/** A pack in the pantry that the workflow has signed. */
async function signed(...keys: string[]): Promise<CtxUri> {
  const uri = await pushedIn(cwd, ...keys);
  const env = { HOME: cwd, SIGSTORE_ID_TOKEN: identityToken() };
  const options = { cwd, env, cacheDir: join(cwd, "made"), pantries: ["oci:pantry"] };
  await using ctx = await CtxPack.open(options);
  const how = { keyless: true, signingConfig: "signing.json", to: "oci:pantry" };
  await ctx.attest(uri, how);
  return uri;
}

async function open(store: string, more: Partial<OpenOptions> = {}): Promise<CtxPack> {
  const env = { HOME: cwd, CTXPACK_TRUST_DIR: join(cwd, "trust") };
  const options = { cwd, env, cacheDir: join(cwd, store), pantries: ["oci:pantry"] };
  const ctx = await CtxPack.open({ ...options, policy: "policy.json", ...more });
  onTestFinished(() => ctx[Symbol.asyncDispose]());
  return ctx;
}

/** The mirror answers nothing but that it is too busy. */
async function down(): Promise<void> {
  const fault = { status: 503, headers: { "retry-after": "0" } };
  await services.fault("tuf", ...Array.from({ length: 200 }, () => fault));
}

/** So many milliseconds later, for what counts them. */
function later(ms: number): void {
  const now = performance.now.bind(performance);
  const spy = vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
  onTestFinished(() => spy.mockRestore());
}

test("why it is not to be had is the answer, until it is", async () => {
  const uri = await signed();
  await down();
  const ctx = await open("b");
  await expect(ctx.pull(uri)).rejects.toMatchObject(DOWN);
  await expect(ctx.verify(uri, { from: "oci:pantry" })).rejects.toMatchObject(DOWN);
  await expect(ctx.explainPack(uri)).rejects.toMatchObject(DOWN);
  await services.fault("tuf");
  later(11_000);
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy" });
});

test("a verdict that does not hang on it is the same without", async () => {
  await down();
  const unsigned = await pushedIn(cwd);
  const ctx = await open("b");
  await expect(ctx.pull(unsigned)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_MISSING" });
  await pushedIn(cwd, "stranger");
  await expect(ctx.pull(unsigned)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_KEY" });
  const uri = await signed("team");
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy" });
});

test("where rules go by tool and only the certificate says which, it hangs on it", async () => {
  const uri = await signed();
  const { trustRoots } = JSON.parse(readFileSync(join(cwd, "policy.json"), "utf8"));
  policy("policy.json", trustRoots.own, { tools: ["ocr"] });
  await down();
  const ctx = await open("b");
  await expect(ctx.pull(uri)).rejects.toMatchObject(DOWN);
});

test("offline it is said that there is none", async () => {
  const uri = await signed();
  const ctx = await open("b", { offline: true });
  await expect(ctx.pull(uri)).rejects.toMatchObject({
    code: "CTXPACK_E_PROOF_TRUST_ROOT",
    message: expect.stringMatching(/^offline, and of the trust root .* none that can be used/),
  });
});

test("a pack of the store that cannot be judged is a miss, and why is said", async () => {
  const uri = await signed();
  const file = { file: "trusted.json", sha256: sha256(Buffer.from(services.trustedRoot)).slice(7) };
  policy("file.json", file);
  const before = await open("b", { policy: "file.json" });
  await before.pull(uri);
  await down();
  const ctx = await open("b", { pantries: [] });
  const { hit, misses } = await ctx.resolve(contract);
  expect({ hit, misses }).toMatchObject({
    hit: false,
    misses: [{ where: "store", reason: DOWN.message }],
  });
  await expect(ctx.pull(uri)).rejects.toMatchObject(DOWN);
});

test("it is got again every few minutes, and not for each pack", async () => {
  const uri = await signed();
  let got = 0;
  const metrics = {
    counter: (name: string) => {
      if (/cache\.(hit|miss|stale_served)_count/.test(name)) got += 1;
    },
    histogram: () => {},
    gauge: () => {},
  };
  const ctx = await open("b", { metrics });
  await ctx.pull(uri);
  expect(got).toBe(1);
  await ctx.inspect(uri, { from: "oci:pantry" });
  expect(got).toBe(1);
  later(301_000);
  await ctx.inspect(uri, { from: "oci:pantry" });
  expect(got).toBe(2);
});
