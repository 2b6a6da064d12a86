// DESIGN §8, "Who is believed", by the numbers of its rules.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Store } from "@ctxpack/cache";
import { CtxPack } from "@ctxpack/client";
import { beforeEach, expect, test } from "vitest";
import { contract, type OpenAt, policyIn, proofsOf, pushedIn, workplaceWith } from "./trusting.ts";

let cwd: string;
let open: OpenAt;
beforeEach(async () => {
  ({ cwd, open } = await workplaceWith("team", "stranger"));
});

test("1: a pantry that is named is served without a policy, and that is said", async () => {
  const uri = await pushedIn(cwd);
  await using ctx = await open("b");
  expect(await ctx.pull(uri, { from: "oci:pantry" })).toMatchObject({ verified: "no policy" });
});

test("2: of a configured pantry only what a policy accepts", async () => {
  const uri = await pushedIn(cwd, "stranger");
  await using refusing = await open("b", "team.json");
  expect(await refusing.resolve(contract)).toMatchObject({ hit: false });
  await using accepting = await open("b", "stranger.json");
  expect(await accepting.resolve(contract)).toMatchObject({ hit: true, uri });
});

test("2: a folder counts as the user's if the user named it, not if only the project's file does", async () => {
  const uri = await pushedIn(cwd);
  const pantries = ["oci:pantry"];
  writeFileSync(join(cwd, "ctxpack.config.json"), JSON.stringify({ pantries }));
  const asked = (cacheDir: string) =>
    CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: join(cwd, cacheDir) });
  {
    await using ctx = await asked("b");
    expect(ctx.remotes()).toMatchObject([{ project: true, trusted: false }]);
    expect(await ctx.resolve(contract)).toMatchObject({
      hit: false,
      misses: [{ reason: "never seen" }, { reason: "no policy vouches for it" }],
    });
    await ctx.addRemote("own", `oci:${join(cwd, "pantry")}`);
  }
  await using ctx = await asked("b");
  expect(ctx.remotes()).toMatchObject([{ project: true, trusted: true }, { project: false }]);
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, uri });
});

test("3: policies add up, in whatever order", async () => {
  const uri = await pushedIn(cwd, "team");
  for (const [policy, CTXPACK_POLICY] of [
    ["team.json", "stranger.json"],
    ["stranger.json", "team.json"],
  ] as const) {
    await using ctx = await open("b", policy, { CTXPACK_POLICY });
    await expect(ctx.pull(uri)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_SIGNER" });
  }
  await using made = await open("made");
  await made.attest(uri, { key: "stranger.pem", to: "oci:pantry" });
  await using both = await open("b", "team.json", { CTXPACK_POLICY: "stranger.json" });
  expect(await both.pull(uri)).toMatchObject({ verified: "policy" });
  const proofs = await proofsOf(cwd, "b", uri);
  expect(proofs?.acceptances).toMatchObject([{ policies: { length: 2 }, bundles: { length: 2 } }]);
});

test("4: an acceptance is kept with its policies, bundles, pantry and end", async () => {
  const uri = await pushedIn(cwd, "team");
  await using ctx = await open("b", "team.json");
  await ctx.pull(uri);
  const proofs = await proofsOf(cwd, "b", uri);
  expect(proofs?.bundles).toHaveLength(1);
  expect(proofs?.acceptances).toMatchObject([{ pantry: `oci:${join(cwd, "pantry")}` }]);
  const [{ at = "", until = "" } = {}] = proofs?.acceptances ?? [];
  expect(Date.parse(until) - Date.parse(at)).toBeLessThanOrEqual(24 * 3_600_000 + 5000);
  expect(Date.parse(until)).toBeGreaterThan(Date.now());
});

test("4: a key's own word has no time that a policy with maxAge takes, and nothing is kept of it", async () => {
  const uri = await pushedIn(cwd, "team");
  policyIn(cwd, "hour.json", "team", { maxAge: "PT1H" });
  await using ctx = await open("b", "hour.json");
  await expect(ctx.pull(uri)).rejects.toMatchObject({
    code: expect.stringMatching(/^CTXPACK_E_PROOF_/),
  });
  expect(await proofsOf(cwd, "b", uri)).toBeUndefined();
});

test("4: a hit under another policy is verified again from the bundles of the store", async () => {
  const uri = await pushedIn(cwd, "team", "stranger");
  await using first = await open("b", "team.json");
  await first.pull(uri);
  rmSync(join(cwd, "pantry"), { recursive: true });
  policyIn(cwd, "either.json", "team", { threshold: 1 });
  await using again = await open("b", "either.json");
  expect(await again.resolve(contract)).toMatchObject({ hit: true, where: "store" });
  const accepted = (await proofsOf(cwd, "b", uri))?.acceptances ?? [];
  expect(new Set(accepted.map(({ policies }) => policies[0])).size).toBe(2);
  await using other = await open("b", "stranger.json");
  expect(await other.resolve(contract)).toMatchObject({
    hit: false,
    misses: [{ where: "store" }, {}],
  });
});

test("4: an acceptance that has ended counts only as long as the bundles still verify", async () => {
  const uri = await pushedIn(cwd, "team");
  await using ctx = await open("b", "team.json");
  await ctx.pull(uri);
  const [acceptance] = (await proofsOf(cwd, "b", uri))?.acceptances ?? [];
  if (acceptance === undefined) throw new Error("nothing was accepted");
  const ended = { ...acceptance, until: "2020-01-01T00:00:00.000Z" };
  await using store = await Store.open(join(cwd, "b"));
  await store.keepProofs(uri, { acceptances: [ended] });
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
  const renewed = (await proofsOf(cwd, "b", uri))?.acceptances;
  expect(renewed).toHaveLength(1);
  expect(Date.parse(renewed?.[0]?.until ?? "")).toBeGreaterThan(Date.now());
});

test("4: what was made here is the user's own under any policy", async () => {
  await pushedIn(cwd);
  await using ctx = await open("made", "team.json");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
});

test("4: what was computed here once is not computed again, although it came from elsewhere before", async () => {
  const uri = await pushedIn(cwd);
  await using pulling = await open("b");
  await pulling.pull(uri);
  await using ctx = await open("b", "team.json");
  let computed = 0;
  const compute = async (dir: string) => {
    computed++;
    writeFileSync(join(dir, "data"), "data");
  };
  const options = { onUntrusted: "miss" } as const;
  for (const hit of [false, true]) {
    expect(await ctx.getOrCompute(contract, compute, options)).toMatchObject({ uri, hit });
  }
  expect(computed).toBe(1);
});

test("4: what a policy refuses is not handed out in place of what was computed", async () => {
  const uri = await pushedIn(cwd);
  await using pulling = await open("b");
  await pulling.pull(uri);
  await using ctx = await open("b", "team.json");
  const compute = async (dir: string) => writeFileSync(join(dir, "data"), "my own");
  const done = await ctx.getOrCompute(contract, compute, { onUntrusted: "miss" });
  expect(done).toMatchObject({ uri, hit: false });
  expect(readFileSync(join(done.path, "data"), "utf8")).toBe("my own");
});

test("4: a remembered call is no hit under a policy that refuses its result", async () => {
  await using made = await open("made");
  const identity = { name: "count", version: "1" };
  await made.memoize(async () => 1, identity)(null);
  const memoized = {
    inputs: [{ name: "value", value: null }],
    transforms: [{ tool: "count", tool_version: "1" }],
  };
  const { uri } = await made.uri(memoized);
  await made.push(uri);
  await using pulling = await open("b");
  await pulling.pull(uri);
  await using ctx = await open("b", "team.json");
  let computed = 0;
  const count = async () => ++computed;
  await expect(ctx.memoize(count, identity)(null)).rejects.toMatchObject({
    code: "CTXPACK_E_PROOF_MISSING",
  });
  const untrusting = ctx.memoize(count, { ...identity, onUntrusted: "miss" });
  await untrusting(null);
  expect(computed).toBe(1);
  // Computed here, it is one's own.
  await untrusting(null);
  expect(computed).toBe(1);
  await using accepting = await open("c", undefined);
  await accepting.pull(uri);
  expect(await accepting.memoize(count, identity)(null)).toBe(1);
  expect(computed).toBe(1);
});

test("4: attesting what came from elsewhere does not make it one's own", async () => {
  const uri = await pushedIn(cwd);
  await using pulling = await open("b");
  await pulling.pull(uri);
  await pulling.attest(uri, { key: "stranger.pem" });
  await using ctx = await open("b", "team.json");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
});

test("4: an acceptance ends with the key that the policy names", async () => {
  const uri = await pushedIn(cwd, "team");
  const policy = JSON.parse(readFileSync(join(cwd, "team.json"), "utf8"));
  const validUntil = new Date(Date.now() + 3_600_000).toISOString();
  policy.signers.team.validUntil = validUntil;
  writeFileSync(join(cwd, "team.json"), JSON.stringify(policy));
  await using ctx = await open("b", "team.json");
  await ctx.pull(uri);
  expect((await proofsOf(cwd, "b", uri))?.acceptances).toMatchObject([{ until: validUntil }]);
});

test("4: a pack that was pulled without a policy is no hit under one", async () => {
  const uri = await pushedIn(cwd);
  await using pulling = await open("b");
  await pulling.pull(uri);
  await using ctx = await open("b", "team.json");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
});

test("5: a result that the policy refuses ends a run; with onUntrusted it is computed", async () => {
  const runs = {
    command: ["sh", "-c", 'mkdir "$0"; echo 1 > "$0"/a', "{out}"],
    outputs: [{ path: "o/" }],
  };
  await using making = await open("made");
  const { uri } = await making.run({ contract: { ...contract, ...runs } });
  await making.push(uri);
  await using ctx = await open("b", "team.json");
  await expect(ctx.run({ contract: { ...contract, ...runs } })).rejects.toMatchObject({
    code: "CTXPACK_E_PROOF_MISSING",
  });
  const done = await ctx.run({ contract: { ...contract, ...runs }, onUntrusted: "miss" });
  expect(done).toMatchObject({ uri });
});

test("what remembers signing times lies in the store, and neither fsck nor gc trips over it", async () => {
  const uri = await pushedIn(cwd, "team");
  await using ctx = await open("b", "team.json");
  await ctx.pull(uri);
  const seen = join(cwd, "b/seen.db");
  expect(statSync(seen).size).toBeGreaterThan(0);
  await using store = await Store.open(join(cwd, "b"));
  expect(await store.check()).toMatchObject({ clean: true, damages: [] });
  await ctx.collectStore({ apply: true });
  expect(existsSync(seen)).toBe(true);
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
});

test("a push takes kept bundles along", async () => {
  const uri = await pushedIn(cwd);
  await using made = await open("made");
  const { bundle } = await made.attest(uri, { key: "team.pem" });
  await using before = await open("b", "team.json");
  await expect(before.pull(uri)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_MISSING" });
  await made.push(uri);
  await using after = await open("b", "team.json");
  await after.pull(uri);
  expect((await proofsOf(cwd, "b", uri))?.acceptances).toMatchObject([{ bundles: [bundle] }]);
});

test("who pulled a pack vouches for it as somebody who says so", async () => {
  const uri = await pushedIn(cwd);
  await using ctx = await open("b");
  await ctx.pull(uri);
  const done = await ctx.attest(uri, { key: "team.pem", to: "oci:pantry" });
  expect(done).toMatchObject({ uri, pantry: "oci:pantry" });
  expect(done.builder).toMatch(/builders\/seed\/v1$/);
  await using other = await open("c", "team.json");
  expect(await other.pull(uri)).toMatchObject({ verified: "policy" });
});

test("a policy that cannot be read is an error, and no pantry's failure", async () => {
  const uri = await pushedIn(cwd, "team");
  writeFileSync(join(cwd, "broken.json"), '{"schema":"ctxpack.policy/v1","rules":[{}]}');
  await using ctx = await open("b", "broken.json");
  const refused = { code: "CTXPACK_E_CONFIG", message: expect.stringContaining("broken.json") };
  await expect(ctx.pull(uri)).rejects.toMatchObject(refused);
  await expect(ctx.resolve(contract)).rejects.toMatchObject(refused);
  await expect(
    ctx.getOrCompute(contract, async (dir) => writeFileSync(join(dir, "x"), "x")),
  ).rejects.toMatchObject(refused);
});
