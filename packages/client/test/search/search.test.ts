import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, CtxPackError, type OpenOptions, type SearchQuery } from "@ctxpack/client";
import { sha256 } from "@ctxpack/identity";
import { IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import { scratchFolder } from "@ctxpack/test-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { tagPattern } from "../../src/search/query.ts";

const open = (root: string, options: OpenOptions = {}): Promise<CtxPack> =>
  CtxPack.open({
    env: { HOME: root, CTXPACK_CACHE_DIR: join(root, "store") },
    cwd: root,
    ...options,
  });

async function found(ctx: CtxPack, query: SearchQuery, from?: string): Promise<string[]> {
  const uris: string[] = [];
  for await (const { uri } of ctx.search(query, { from })) uris.push(uri);
  return uris;
}

async function seeded(ctx: CtxPack, root: string, name: string): Promise<string> {
  mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, name, "a"), name);
  const contract = { name, transforms: [{ tool: name }] };
  return (await ctx.seed(join(root, name), { contract })).record.uri;
}

test("a tag pattern means what a regular expression with .* means", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "-", "*"), maxLength: 8 });
  fc.assert(
    fc.property(part, part, (pattern, text) => {
      const tag = text.replaceAll("*", "");
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(tag);
      expect(tagPattern(pattern)(tag)).toBe(expected);
    }),
  );
});

test("a pattern that would take a regular expression for ever is answered at once", () => {
  const started = performance.now();
  expect(tagPattern(`${"*a".repeat(400)}b`)("a".repeat(10_000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("channels of a pantry, each pack once, and none that is kept out", async () => {
  using folder = scratchFolder();
  const root = folder.path;
  await using ctx = await open(root);
  const [one, two] = [await seeded(ctx, root, "one"), await seeded(ctx, root, "two")];
  for (const uri of [one, two]) await ctx.push(uri, { to: "oci:pantry" });
  await ctx.tag(one, "nightly-a", { to: "oci:pantry" });
  await ctx.tag(one, "nightly-b", { to: "oci:pantry" });
  await ctx.tag(two, "stable", { to: "oci:pantry" });
  expect(await found(ctx, { tag: "NIGHTLY-*" }, "oci:pantry")).toEqual([one]);
  expect((await found(ctx, {}, "oci:pantry")).sort()).toEqual([one, two].sort());
  expect(await found(ctx, { tag: "*", tool: "two" }, "oci:pantry")).toEqual([two]);
  // Without a pantry there are no tags.
  expect(await found(ctx, { tag: "stable" })).toEqual([]);

  const accept: OpenOptions["accept"] = async (_, config) => {
    if (two.endsWith(config.digest.slice(-64))) throw new CtxPackError("CTXPACK_E_POLICY", "no");
  };
  await using strict = await open(root, { accept });
  expect(await found(strict, {}, "oci:pantry")).toEqual([one]);
});

test("settings with a mistake are not nothing found", async () => {
  using folder = scratchFolder();
  const root = folder.path;
  await using ctx = await open(root);
  await ctx.push(await seeded(ctx, root, "one"), { to: "oci:pantry" });
  writeFileSync(join(root, "policy.json"), "{");
  const code = "CTXPACK_E_CONFIG";
  await using named = await open(root, { policy: "policy.json" });
  await expect(found(named, {}, "oci:pantry")).rejects.toMatchObject({ code });
  await using configured = await open(root, { policy: "policy.json", pantries: ["oci:pantry"] });
  await expect(found(configured, { tag: "*" })).rejects.toMatchObject({ code });
  const accept: OpenOptions["accept"] = async () => {
    throw new CtxPackError(code, "no such key");
  };
  await using judged = await open(root, { accept });
  await expect(found(judged, {}, "oci:pantry")).rejects.toThrow("no such key");
});

test("what is no pack of ours is not found, and hides nothing", async () => {
  using folder = scratchFolder();
  const root = folder.path;
  await using ctx = await open(root);
  const uri = await seeded(ctx, root, "one");
  await ctx.push(uri, { to: "oci:pantry" });
  // By hand: nobody's tool would put it there.
  const file = join(root, "pantry/index.json");
  const index = JSON.parse(readFileSync(file, "utf8"));
  for (const [tag, text] of [
    ["image", JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_MANIFEST_TYPE, layers: [] })],
    ["no-manifest", "no JSON"],
    ["long", " ".repeat(5 * 2 ** 20)],
  ] as const) {
    const digest = sha256(Buffer.from(text));
    writeFileSync(join(root, "pantry/blobs/sha256", digest.slice(7)), text);
    const annotations = { "org.opencontainers.image.ref.name": tag };
    const mediaType = IMAGE_MANIFEST_TYPE;
    index.manifests.push({ mediaType, digest, size: text.length, annotations });
  }
  writeFileSync(file, JSON.stringify(index));
  expect(await found(ctx, {}, "oci:pantry")).toEqual([uri]);
});

test("an empty word, an aborted signal, a pantry that is not there", async () => {
  using folder = scratchFolder();
  await using ctx = await open(folder.path);
  await seeded(ctx, folder.path, "one");
  await expect(found(ctx, { name: "" })).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  await expect(found(ctx, { name: "x".repeat(2000) })).rejects.toThrow("too long");
  await expect(found(ctx, {}, "oci:nowhere")).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(ctx.search({}, { signal })[Symbol.asyncIterator]().next()).rejects.toThrow("enough");
});
