// Lock files that the configuration names: what is pinned is not unpacked as anything else.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { beforeEach, expect, test } from "vitest";
import { contract, type OpenAt, pushedIn, signerIn, workplaceWith } from "./trusting.ts";

const PIN = { code: "CTXPACK_E_PROOF_PIN" };

let cwd: string;
let open: OpenAt;
let uri: CtxUri;
beforeEach(async () => {
  ({ cwd, open } = await workplaceWith("team"));
  uri = await pushedIn(cwd, "team");
});

function configured(config: object): void {
  writeFileSync(join(cwd, "ctxpack.config.json"), JSON.stringify(config));
}

/** Pins the pack as it is in the pantry now. */
async function pinned(): Promise<void> {
  await using ctx = await open("pinning", "team.json");
  await ctx.verify(uri, { from: "oci:pantry", lock: "ctxpack.lock", pin: true });
  configured({ policy: "team.json", lock: "ctxpack.lock" });
}

/** The team signs another output of the contract, in place of the one that is in the pantry. */
async function changed(): Promise<void> {
  writeFileSync(join(cwd, "out/data"), "other data");
  await using ctx = await open("changing");
  await ctx.seed("out", { contract });
  await ctx.push(uri, { replace: true });
  await ctx.attest(uri, { key: "team.pem", to: "oci:pantry" });
}

test("what meets its pin comes in, and is a hit", async () => {
  await pinned();
  await using ctx = await open("b");
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy" });
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true, where: "store" });
  expect(await ctx.verify(uri)).toMatchObject({ verified: "proof" });
});

test("another signed output is refused on every way in, and nothing of it stays", async () => {
  await pinned();
  await changed();
  const ways: Record<string, (ctx: CtxPack) => Promise<unknown>> = {
    pull: (ctx) => ctx.pull(uri),
    run: (ctx) => ctx.getOrCompute(contract, async () => {}),
    inspect: (ctx) => ctx.inspect(uri, { from: "oci:pantry" }),
    verify: (ctx) => ctx.verify(uri, { from: "oci:pantry" }),
  };
  for (const [name, go] of Object.entries(ways)) {
    await using ctx = await open(`way-${name}`);
    await expect(go(ctx), name).rejects.toMatchObject(PIN);
    expect((await ctx.exists(uri)).where, name).not.toContain("store");
  }
  await using ctx = await open("b");
  expect(await ctx.explainPack(uri)).toMatchObject({ accepted: false });
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
});

test("what the store took before it was pinned is no hit", async () => {
  await pinned();
  await changed();
  rmSync(join(cwd, "ctxpack.config.json"));
  await using before = await open("b", "team.json");
  await before.pull(uri);
  configured({ policy: "team.json", lock: "ctxpack.lock" });
  rmSync(join(cwd, "pantry"), { recursive: true });
  await using ctx = await open("b");
  const { misses } = await ctx.resolve(contract);
  expect(misses[0]).toMatchObject({ where: "store", reason: expect.stringMatching(/lock pins/) });
  await expect(ctx.pull(uri)).rejects.toMatchObject(PIN);
  // What is computed is one's own, and takes the place of what is refused.
  const { path } = await ctx.getOrCompute(contract, async (dir) => {
    writeFileSync(join(dir, "data"), "data");
  });
  expect(readFileSync(join(path, "data"), "utf8")).toBe("data");
});

test("what is refused makes room for what is pinned now", async () => {
  await pinned();
  for (const [cacheDir, bringIn] of [
    ["pulling", (ctx: CtxPack) => ctx.pull(uri)],
    ["running", (ctx: CtxPack) => ctx.getOrCompute(contract, async () => {})],
  ] as const) {
    await using ctx = await open(cacheDir);
    await bringIn(ctx);
  }
  await changed();
  await pinned();
  await using pulling = await open("pulling");
  expect(await pulling.pull(uri)).toMatchObject({ source: "oci:pantry", verified: "policy" });
  await using running = await open("running");
  const { source } = await running.getOrCompute(contract, async () => {
    throw new Error("computed");
  });
  expect(source).toBe("oci:pantry");
});

test("a pin is of the configured policies, and one more of whoever pulls is no harm", async () => {
  await signerIn(cwd, "other");
  await using made = await open("made");
  await made.attest(uri, { key: "other.pem", to: "oci:pantry" });
  configured({ policy: "team.json" });
  {
    await using ctx = await open("pinning");
    const keys = ["other.pub"];
    await ctx.verify(uri, { from: "oci:pantry", keys, lock: "ctxpack.lock", pin: true });
  }
  configured({ policy: "team.json", lock: "ctxpack.lock" });
  await using ctx = await open("b");
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy" });
  await using stricter = await open("c", "other.json");
  expect(await stricter.pull(uri)).toMatchObject({ verified: "policy" });
});

test("a key that is named beside is asked too, and the pin is still held against", async () => {
  await pinned();
  await using ctx = await open("b");
  const given = { from: "oci:pantry", keys: ["team.pub"] };
  expect(await ctx.verify(uri, given)).toMatchObject({ verified: "proof" });
  await changed();
  await expect(ctx.verify(uri, given)).rejects.toMatchObject(PIN);
});

test("locks add up, and each is named by whoever it is", async () => {
  await pinned();
  await changed();
  await using pinning = await open("elsewhere");
  const again = { from: "oci:pantry", lock: "ctxpack.lock", pin: true };
  // Pinned anew it is not held to what was pinned before …
  await pinning.verify(uri, again);
  await using one = await open("b");
  expect(await one.pull(uri)).toMatchObject({ verified: "policy" });
  // … and a lock of the environment forbids what that of the project takes.
  const text = readFileSync(join(cwd, "ctxpack.lock"), "utf8");
  const other = text.replace(/("manifest": "sha256:)..../, "$10000");
  writeFileSync(join(cwd, "own.lock"), other);
  await using both = await open("c", undefined, { CTXPACK_LOCK: "own.lock" });
  await expect(both.pull(uri)).rejects.toMatchObject(PIN);
});

test("a lock that changes is read again in the same session", async () => {
  await pinned();
  await using ctx = await open("b");
  await ctx.pull(uri);
  const file = join(cwd, "ctxpack.lock");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/("manifest": "sha256:)..../, "$10000"));
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
  writeFileSync(file, text);
  expect(await ctx.resolve(contract)).toMatchObject({ hit: true });
});

test.each([
  [{ policy: "team.json", lock: "none.lock" }, "CTXPACK_E_PATH_NOT_FOUND", /no lock file .*none/],
  [{ lock: "ctxpack.lock" }, "CTXPACK_E_CONFIG", /no policy is in force/],
])("%j is an error, and no pantry's failure", async (config, code, message) => {
  await pinned();
  configured(config);
  await using ctx = await open("b");
  const refused = { code, message: expect.stringMatching(message) };
  await expect(ctx.pull(uri)).rejects.toMatchObject(refused);
  await expect(ctx.resolve(contract)).rejects.toMatchObject(refused);
  await expect(ctx.verify(uri, { from: "oci:pantry" })).rejects.toMatchObject(refused);
  expect((await ctx.doctor()).filter(({ area }) => area === "trust")).toContainEqual(
    expect.objectContaining({ state: "problem", code }),
  );
  // What was made here is the user's own.
  await using made = await open("made");
  expect(await made.pull(uri)).toMatchObject({ source: "store" });
});

test("packs that are pinned at the same time are all pinned", async () => {
  await using ctx = await open("made");
  const uris: string[] = [];
  for (const tool of ["a", "b", "c", "d", "e", "f"]) {
    const { record } = await ctx.seed("out", { contract: { transforms: [{ tool }] } });
    await ctx.attest(record.uri, { key: "team.pem" });
    uris.push(record.uri);
  }
  const pin = { keys: ["team.pub"], lock: "ctxpack.lock", pin: true };
  await Promise.all(uris.map((one) => ctx.verify(one, pin)));
  const { packs } = JSON.parse(readFileSync(join(cwd, "ctxpack.lock"), "utf8"));
  expect(Object.keys(packs)).toEqual(uris.sort());
});
