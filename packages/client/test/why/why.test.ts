// What `why` finds in the store and in pantries, and what it never tells.

import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listingDescriptor } from "@ctxpack/cache/pack";
import { type Accept, CtxPack, CtxPackError, type OpenOptions } from "@ctxpack/client";
import { sha256 } from "@ctxpack/identity";
import { removeReadOnly, startFaultRegistry } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { identify } from "../../src/identify.ts";
import { loadContract } from "../../src/load-contract.ts";
import { Session } from "../../src/session.ts";
import { labelsOf } from "../../src/why/nearest.ts";
import { missReason } from "../../src/why/reason.ts";
import { workOf } from "../../src/work.ts";
import { signerIn } from "../trust/trusting.ts";

const SECRET = "hunter2-of-production";

/** A project with ten documents, and a pack of what was made of them. */
async function project() {
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-why-"));
  onTestFinished(() => removeReadOnly(cwd));
  mkdirSync(join(cwd, "docs"));
  mkdirSync(join(cwd, "out"));
  for (let i = 0; i < 10; i++) writeFileSync(join(cwd, `docs/${i}.md`), `document ${i}`);
  writeFileSync(join(cwd, "out/index"), "index");
  write(cwd, { chunk_size: 512 });
  const open = async (options: OpenOptions = {}): Promise<CtxPack> => {
    const env = { HOME: cwd, TOKEN_OF: SECRET };
    const ctx = await CtxPack.open({ cwd, env, cacheDir: join(cwd, "store"), ...options });
    onTestFinished(() => ctx[Symbol.asyncDispose]());
    return ctx;
  };
  const ctx = await open();
  const { record } = await ctx.seed("out", { contract: "contract.json" });
  return { cwd, open, ctx, uri: record.uri };
}

function write(cwd: string, params: object, name = "handbook", file = "contract.json"): void {
  const contract = {
    name,
    inputs: [{ name: "docs", path: "docs" }],
    transforms: [{ tool: "embed", env: ["TOKEN_OF"], params }],
    outputs: [{ path: "out" }],
  };
  writeFileSync(join(cwd, file), JSON.stringify(contract));
}

/** Changes two files and a param. */
function change(cwd: string): void {
  writeFileSync(join(cwd, "docs/3.md"), "another");
  rmSync(join(cwd, "docs/7.md"));
  write(cwd, { chunk_size: 256 });
}

const changed = [
  {
    pointer: "/inputs/docs/digest",
    files: { added: [], removed: ["7.md"], changed: ["3.md"], count: { before: 10, after: 9 } },
  },
  { pointer: "/transforms/0/params/chunk_size", kind: "changed", before: 512, after: 256 },
];

test("a hit, then exactly what was changed, then nothing to compare with", async () => {
  const { cwd, ctx, uri } = await project();
  expect(await ctx.why()).toEqual({ uri, hit: true, where: "store" });
  change(cwd);
  const found = await ctx.why("contract.json");
  expect(found).toMatchObject({ hit: false, explanation: { nearest: { uri, where: "store" } } });
  expect(found.explanation?.differences).toMatchObject(changed);
  expect(found.explanation?.differences).toHaveLength(2);
  const foreign = await ctx.why({ transforms: [{ tool: "else" }] });
  expect(foreign.hit).toBe(false);
  expect(foreign).not.toHaveProperty("explanation");
});

test("a hit is what a run would take: without a policy nothing of a pantry that nobody vouches for", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:pantry" });
  // A folder that a project's file names may have come with a clone.
  writeFileSync(join(cwd, "ctxpack.config.json"), '{"pantries":["oci:pantry"]}');
  const said: string[] = [];
  const fresh = { cacheDir: join(cwd, "fresh"), warn: (text: string) => void said.push(text) };
  const doubting = await open(fresh);
  expect(await doubting.why()).toMatchObject({ uri, hit: false });
  expect(said).toEqual(["oci:pantry was passed over: no policy vouches for it"]);
  const named = { from: "oci:pantry" };
  expect(await doubting.why(undefined, named)).toMatchObject({ hit: true, where: "oci:pantry" });
  const believing = await open({ ...fresh, accept: async () => {} });
  expect(await believing.why()).toMatchObject({ hit: true, where: "oci:pantry" });
});

test("nor of the store what the policy does not accept", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:pantry" });
  await signerIn(cwd, "team");
  const said: string[] = [];
  const cacheDir = join(cwd, "fresh");
  await (await open({ cacheDir })).pull(uri, { from: "oci:pantry" });
  const policy = join(cwd, "team.json");
  const ours = await open({ cacheDir, policy, warn: (text) => void said.push(text) });
  expect(await ours.why()).toMatchObject({ uri, hit: false });
  expect(said).toEqual([expect.stringMatching(/^store was passed over: /)]);
  expect(await (await open({ policy })).why()).toMatchObject({ hit: true, where: "store" });
});

test("which contract is meant without a name: the only one, and contract.json before others", async () => {
  const { cwd, ctx, uri } = await project();
  write(cwd, { other: 1 }, "other", "other.contract.json");
  expect((await ctx.why()).uri).toBe(uri);
  rmSync(join(cwd, "contract.json"));
  expect((await ctx.why()).uri).not.toBe(uri);
  write(cwd, { other: 2 }, "third", "third.contract.json");
  await expect(ctx.why()).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  rmSync(join(cwd, "third.contract.json"));
  rmSync(join(cwd, "other.contract.json"));
  await expect(ctx.why()).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
});

test("another machine names the files with the lists that were pushed, and the input without them", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:bare" });
  const pushed = await ctx.push(uri, { to: "oci:listed", withInputs: true });
  expect(pushed.inputs).toEqual({ attached: ["/inputs/docs/digest"], missing: [] });
  change(cwd);
  const bare = await open({ cacheDir: join(cwd, "one"), pantries: ["oci:bare"] });
  const [docs, ...rest] = (await bare.why()).explanation?.differences ?? [];
  expect(docs).toMatchObject({ pointer: "/inputs/docs/digest", kind: "changed" });
  expect(docs?.files).toBeUndefined();
  expect(docs?.note).toMatch(/^its files are not known: nobody here has the list of dirHash1:/);
  expect(rest).toMatchObject([changed[1]]);
  const listed = await open({ cacheDir: join(cwd, "two"), pantries: ["oci:listed"] });
  const { explanation } = await listed.why();
  expect(explanation?.nearest).toEqual({ uri, where: "oci:listed" });
  expect(explanation?.differences).toMatchObject(changed);
  // Sent again it is the same referrer, and the pack can be copied with it.
  await ctx.push(uri, { to: "oci:listed", withInputs: true });
  await ctx.copy("oci:listed", "oci:copied", { all: true });
  const copied = await open({ cacheDir: join(cwd, "three"), pantries: ["oci:copied"] });
  expect((await copied.why()).explanation?.differences).toMatchObject(changed);
});

test("lists that this store does not have are said to be missing", async () => {
  const { cwd, ctx, uri } = await project();
  for (const { digest } of (await ctx.uri("contract.json")).resolved.inputs) {
    const { digest: blob } = listingDescriptor({ digest: digest as `dirHash1:${string}`, size: 0 });
    rmSync(join(cwd, "store/blobs/sha256", blob.slice("sha256:".length)));
  }
  const { inputs } = await ctx.push(uri, { to: "oci:pantry", withInputs: true });
  expect(inputs).toEqual({ attached: [], missing: ["/inputs/docs/digest"] });
});

test("a registry: at most 16 manifests are looked at, what is named like the contract first", async () => {
  const { cwd, open, ctx, uri } = await project();
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const pantry = `${server.host}/acme/packs`;
  write(cwd, { chunk_size: 512, far: [1, 2, 3] }, "other");
  const { record } = await ctx.seed("out", { contract: "contract.json" });
  await ctx.push(record.uri, { to: pantry });
  const { manifest } = record;
  const bytes = server.manifests("acme/packs").get(manifest.digest) ?? Buffer.alloc(0);
  const channels = Array.from({ length: 40 }, (_, i) => `channel-${i}`);
  server.putManifest("acme/packs", bytes, ...channels);
  await ctx.push(uri, { to: pantry, withInputs: true });
  await ctx.tag(uri, "handbook-nightly", { to: pantry });
  change(cwd);
  const fresh = await open({ cacheDir: join(cwd, "fresh"), pantries: [pantry] });
  const before = server.requests.length;
  const explained = await fresh.why();
  const nearest = { uri, where: pantry, tag: "handbook-nightly" };
  expect(explained.explanation?.nearest).toEqual(nearest);
  expect(explained.explanation?.differences).toMatchObject(changed);
  const asked = server.requests.slice(before).filter(({ method }) => method === "GET");
  const tags = asked.filter(({ url }) => /\/manifests\/(?:ctx-|channel|handbook)/.test(url));
  // Besides the contract's own tag, which is asked for first.
  expect(tags.filter(({ url }) => !url.endsWith(explained.uri.slice(-64)))).toHaveLength(16);
});

test("what is attached is checked: no lists, too much, another type, wrong bytes; then the right ones count", async () => {
  const { cwd, open, ctx, uri } = await project();
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const pantry = `${server.host}/acme/packs`;
  const pushed = await ctx.push(uri, { to: pantry });
  const config = server.putBlob("acme/packs", "{}");
  const { digest } = (await ctx.uri("contract.json")).resolved.inputs[0] ?? {};
  const wanted = listingDescriptor({ digest: digest as `dirHash1:${string}`, size: 0 }).digest;
  const subject = pushed.manifest;
  const attach = (layers: object[]): void => {
    server.putManifest("acme/packs", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: "application/vnd.ctxpack.inputs.v1",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: config, size: 2 },
      layers,
      subject: {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: subject,
        size: server.manifests("acme/packs").get(subject)?.length ?? 1,
      },
    });
  };
  const layer = (size: number, type = "application/vnd.ctxpack.listing.v1") => ({
    mediaType: type,
    digest: wanted,
    size,
  });
  const right = readFileSync(join(cwd, "store/blobs/sha256", wanted.slice("sha256:".length)));
  const wrong = Buffer.from(`${"0".repeat(64)}  evil.md\n`);
  change(cwd);
  const store = { cacheDir: join(cwd, "fresh"), pantries: [pantry] };
  const noted = async (): Promise<void> => {
    const fresh = await open(store);
    const [docs] = (await fresh.why()).explanation?.differences ?? [];
    expect(docs?.note).toMatch(/files are not known/);
    expect(docs?.files).toBeUndefined();
  };
  attach([]);
  await noted();
  attach([layer(2 ** 40)]);
  await noted();
  attach([layer(wrong.length, "text/plain")]);
  await noted();
  server.putBlob("acme/packs", wrong, wanted);
  attach([layer(wrong.length)]);
  await noted();
  server.putBlob("acme/packs", right);
  attach([layer(right.length)]);
  const fresh = await open(store);
  expect((await fresh.why()).explanation?.differences).toMatchObject(changed);
});

test("the policy is asked before a contract is read; what it refuses is nobody's neighbour", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:pantry", withInputs: true });
  change(cwd);
  const asked: string[] = [];
  const accept: Accept = async (_manifest, config) => {
    asked.push(config.digest);
    throw new CtxPackError("CTXPACK_E_POLICY", "no proof");
  };
  const fresh = await open({ cacheDir: join(cwd, "fresh"), pantries: ["oci:pantry"], accept });
  expect(await fresh.why()).not.toHaveProperty("explanation");
  expect(asked).toEqual([uri.slice("ctx://".length)]);
});

test("a policy with a mistake is no pantry without contracts", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:pantry" });
  change(cwd);
  writeFileSync(join(cwd, "policy.json"), "{");
  const settings = { cacheDir: join(cwd, "fresh"), policy: "policy.json" };
  const code = "CTXPACK_E_CONFIG";
  const named = await open(settings);
  await expect(named.why("contract.json", { from: "oci:pantry" })).rejects.toMatchObject({ code });
  const configured = await open({ ...settings, pantries: ["oci:pantry"] });
  await expect(configured.why()).rejects.toMatchObject({ code });
  const accept: Accept = async () => {
    throw new CtxPackError(code, "no such key");
  };
  const judged = await open({ cacheDir: join(cwd, "fresh"), accept });
  await expect(judged.why("contract.json", { from: "oci:pantry" })).rejects.toThrow("no such key");
});

test("the store's contract of the same name is enough: no pantry is asked for a neighbour", async () => {
  const { cwd, open } = await project();
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  change(cwd);
  const ctx = await open({ pantries: [`${server.host}/acme/packs`] });
  expect((await ctx.why()).explanation?.differences).toMatchObject(changed);
  expect(server.requests.filter(({ url }) => url.includes("/tags/list"))).toEqual([]);
});

/** What `run` and `map` do on a miss. */
async function reasonOf(cwd: string, pantries: readonly string[], cacheDir = join(cwd, "store")) {
  const env = { HOME: cwd, TOKEN_OF: SECRET };
  const base = loadConfig({ cwd, env });
  const config = {
    ...base,
    cacheDir,
    pantries: pantries.map((address) => ({ address, baseDir: cwd })),
  };
  await using session = new Session({ config, cwd, env, gate: undefined, warn: () => {} });
  const work = workOf({});
  const loaded = await loadContract(session, "contract.json", work);
  const resolution = await identify(session, loaded.parsed, {});
  return await missReason(session, resolution, work, { labels: labelsOf(loaded) });
}

test("the line of a miss names params and files, and what it was compared with", async () => {
  const { cwd, uri } = await project();
  change(cwd);
  const digits = uri.slice("ctx://sha256:".length, "ctx://sha256:".length + 12);
  const today = new Date().toISOString().slice(0, 10);
  expect(await reasonOf(cwd, [])).toBe(
    "2 files of docs differ (1 changed, 1 gone): 3.md, 7.md; " +
      "chunk_size 512 → 256 (transforms[0].params.chunk_size)\n" +
      `nearest: ${digits} "handbook" in the store, of ${today}`,
  );
  expect(await reasonOf(cwd, [], join(cwd, "empty"))).toBeUndefined();
  // Another tool's contract without a label: all of it differs. It has the input in common.
  const input = { name: "docs", path: "docs" };
  const contract = JSON.stringify({ inputs: [input], transforms: [{ tool: "other" }] });
  writeFileSync(join(cwd, "contract.json"), contract);
  expect(await reasonOf(cwd, [])).toBeUndefined();
});

test("a pantry that is down or never answers takes nothing from the line, and two seconds at most", async () => {
  const { cwd } = await project();
  // Without a label of its own its neighbour is not sure, and pantries are asked.
  const input = { name: "docs", path: "docs" };
  const transform = { tool: "embed", env: ["TOKEN_OF"], params: { chunk_size: 256 } };
  const contract = JSON.stringify({ inputs: [input], transforms: [transform] });
  writeFileSync(join(cwd, "contract.json"), contract);
  let asked = 0;
  const silent = createServer(() => void asked++).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const pantry = `127.0.0.1:${port}/acme/packs`;
  const started = performance.now();
  expect(await reasonOf(cwd, [pantry])).toContain("chunk_size 512 → 256");
  const took = performance.now() - started;
  expect(asked).toBeGreaterThan(0);
  expect(took).toBeGreaterThan(1900);
  expect(took).toBeLessThan(5000);
  silent.close();
  expect(await reasonOf(cwd, ["127.0.0.1:1/acme/packs"])).toContain("chunk_size 512 → 256");
});

test("of a variable neither the value nor a digest of it is told, whatever is asked", async () => {
  const { cwd, open, ctx, uri } = await project();
  await ctx.push(uri, { to: "oci:pantry", withInputs: true });
  const told: string[] = [];
  for (const value of ["another secret", undefined]) {
    for (const pantries of [[], ["oci:pantry"]]) {
      const cacheDir = pantries.length > 0 ? join(cwd, "fresh") : join(cwd, "store");
      const env = { HOME: cwd, ...(value !== undefined && { TOKEN_OF: value }) };
      const other = await open({ env, cacheDir, pantries });
      const found = await other.why();
      expect(found.explanation?.differences).toMatchObject([
        { pointer: "/transforms/0/env/TOKEN_OF", kind: "changed" },
      ]);
      told.push(JSON.stringify(found), JSON.stringify(await other.status()));
    }
  }
  told.push((await reasonOf(cwd, [])) ?? "");
  for (const text of told) {
    for (const secret of [SECRET, "another secret"]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(sha256(Buffer.from(secret)).slice("sha256:".length));
    }
  }
});
