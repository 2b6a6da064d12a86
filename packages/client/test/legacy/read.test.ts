// Packs of the first prototype that are as they should be: pulled, inspected, listed, read.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Accept, CtxPack, CtxPackError } from "@ctxpack/client";
import { legacyBytes, sha256, uriOf } from "@ctxpack/identity";
import { OciLayout } from "@ctxpack/oci";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  CONTRACT,
  description,
  END,
  goodLayer,
  goodTar,
  member,
  pushLegacy,
  TAG,
  tarOf,
  URI,
} from "./pantry.ts";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-v0-"));
afterAll(() => removeReadOnly(cwd));
beforeAll(() => pushLegacy(join(cwd, "pantry"), goodLayer()));

const warnings: string[] = [];

function open(accept?: Accept, pantries = ["oci:pantry"]): Promise<CtxPack> {
  const warn = (text: string) => warnings.push(text);
  return CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store", pantries, accept, warn });
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

/** Names in the store's tmp and beside the target that are left of anything. */
function leftovers(): string[] {
  const scratch = readdirSync(join(cwd, "store/tmp")).filter((name) => name.startsWith("v0-"));
  return [...scratch, ...readdirSync(cwd).filter((name) => name.startsWith("."))];
}

test("pull copies it into a folder, with modes, links and names as they were", async () => {
  await using ctx = await open();
  warnings.length = 0;
  const pulled = await ctx.pull(URI, { to: "out" });
  expect(pulled).toMatchObject({
    profile: "v0",
    uri: URI,
    path: join(cwd, "out"),
    source: "oci:pantry",
    files: 5,
    content: Buffer.byteLength(description()) + 6 + 10 + 6 + 8,
    blobs: { fetched: 1, existing: 0 },
    verified: "no policy",
  });
  expect(pulled).not.toHaveProperty("record");
  expect(warnings).toEqual(["v0 pack of the first prototype: read only"]);
  const out = join(cwd, "out");
  expect(readdirSync(out).sort()).toEqual([
    "again.txt",
    "grüße",
    "latest",
    "manifest.json",
    "run.sh",
    "text",
  ]);
  expect(readFileSync(join(out, "grüße/straße.txt"), "utf8")).toBe("grüße\n");
  expect(readFileSync(join(out, "again.txt"), "utf8")).toBe("alpha\n");
  expect(readlinkSync(join(out, "latest"))).toBe("text/a.txt");
  expect(readdirSync(join(out, "text/empty"))).toEqual([]);
  const umask = process.umask();
  expect(statSync(join(out, "run.sh")).mode & 0o777).toBe(0o755 & ~umask);
  expect(statSync(join(out, "text/a.txt")).mode & 0o777).toBe(0o644 & ~umask);
  expect(leftovers()).toEqual([]);
  expect((await ctx.exists(URI)).where).toEqual([]);
});

test("pull --only takes what matches, an alias without its file too", async () => {
  await using ctx = await open();
  await ctx.pull(URI, { to: "part", only: ["*.txt"] });
  expect(readdirSync(join(cwd, "part"))).toEqual(["again.txt"]);
  expect(readFileSync(join(cwd, "part/again.txt"), "utf8")).toBe("alpha\n");
  await expect(ctx.pull(URI, { to: "none", only: ["nothing/**"] })).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
  expect(readdirSync(cwd)).not.toContain("none");
});

test("pull says why it cannot: no folder, a pin, a folder that is taken", async () => {
  await using ctx = await open();
  await expect(ctx.pull(URI)).rejects.toMatchObject({
    code: "CTXPACK_E_USAGE",
    hint: "--to DIR copies its files into a folder of your own",
  });
  await expect(ctx.pull(URI, { to: "pinned", pin: true })).rejects.toThrow("cannot be pinned");
  mkdirSync(join(cwd, "taken"));
  writeFileSync(join(cwd, "taken/mine"), "");
  await expect(ctx.pull(URI, { to: "taken" })).rejects.toThrow("is not empty");
  await expect(ctx.pull(URI, { to: "no/where" })).rejects.toThrow("is no folder");
  await expect(ctx.pull(URI, { to: "store/x" })).rejects.toThrow("lies in the store");
  mkdirSync(join(cwd, "empty"));
  await ctx.pull(URI, { to: "empty" });
  expect(readdirSync(join(cwd, "empty"))).toHaveLength(6);
});

test("inspect shows contract and provenance, with the text that was hashed", async () => {
  await using ctx = await open();
  const pack = await ctx.inspect(URI);
  expect(pack).toMatchObject({
    profile: "v0",
    where: "oci:pantry",
    files: 5,
    contract: JSON.parse(CONTRACT),
    provenance: { host: "mac", seconds: 12.5 },
  });
  expect("hashed" in pack && uriOf(sha256(Buffer.from(pack.hashed)))).toBe(URI);
});

test("entries and cat read it; links are followed", async () => {
  await using ctx = await open();
  const entries = [...(await ctx.entries(URI))];
  expect(entries.map(({ path }) => path)).toEqual([
    "again.txt",
    "grüße/straße.txt",
    "latest",
    "manifest.json",
    "run.sh",
    "text/a.txt",
    "text/empty",
  ]);
  const tar = goodTar();
  for (const entry of entries) {
    if (!("digest" in entry)) continue;
    const bytes = tar.subarray(entry.offset, entry.offset + entry.size);
    expect(sha256(bytes)).toBe(entry.digest);
  }
  expect(entries[4]).toMatchObject({ exec: true, size: 10 });
  expect(entries[2]).toEqual({ link: "text/a.txt", path: "latest" });
  for (const path of ["text/a.txt", "latest", "again.txt"]) {
    expect(await text(ctx.cat(URI, path))).toBe("alpha\n");
  }
  expect(await text(ctx.cat(URI, "manifest.json"))).toBe(description());
  await expect(text(ctx.cat(URI, "text"))).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
  expect(leftovers()).toEqual([]);
});

test("it is a hit, an input, or pushed again for nobody", async () => {
  await using ctx = await open();
  expect(await ctx.exists(URI)).toMatchObject({ where: [], legacy: "oci:pantry" });
  const found = await ctx.resolve({ transforms: [{ tool: "t" }] });
  expect(found).toMatchObject({ hit: false });
  const contract = { inputs: [{ name: "x", pack: URI }], transforms: [{ tool: "t" }] };
  const refused = { code: "CTXPACK_E_UNSUPPORTED", details: { profile: "v0" } };
  await expect(ctx.uri(contract as never)).rejects.toMatchObject({ code: refused.code });
  await expect(ctx.push(URI)).rejects.toMatchObject(refused);
  await expect(ctx.push(URI, { to: "oci:pantry" })).rejects.toMatchObject(refused);
  await expect(ctx.tag(URI, "nightly")).rejects.toMatchObject(refused);
  await expect(ctx.diff(URI, URI)).rejects.toMatchObject(refused);
  const copied = ctx.copy("oci:pantry", "oci:other", { packs: [URI] });
  await expect(copied).rejects.toMatchObject(refused);
});

test("short URIs never find it", async () => {
  await using ctx = await open();
  for (const short of [TAG, TAG.slice(0, 6), URI.slice(0, -1)]) {
    await expect(ctx.pull(short, { to: "short" })).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    await expect(ctx.inspect(short)).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
  }
});

test("nor does the tag itself, which says what would", async () => {
  await using ctx = await open();
  await expect(ctx.pull(`oci:pantry:${TAG}`, { to: "short" })).rejects.toMatchObject({
    code: "CTXPACK_E_UNSUPPORTED",
    hint: `write ctx://sha256:${TAG}… with all 64 digits, and --from oci:pantry`,
  });
});

test("a policy is asked with manifest and config before the layer is fetched", async () => {
  const asked: string[] = [];
  const refuse: Accept = async (manifest, config) => {
    asked.push(manifest.mediaType, config.mediaType);
    throw new CtxPackError("CTXPACK_E_POLICY", "no proof");
  };
  const layout = await OciLayout.open(join(cwd, "pantry"), { readOnly: true });
  const manifest = JSON.parse(readFileSync(layout.blobPath(await layout.resolve(TAG)), "utf8"));
  // With the layer gone, asking in the wrong order would fail in another way.
  await pushLegacy(join(cwd, "bare"), goodLayer());
  rmSync(join(cwd, "bare/blobs/sha256", manifest.layers[0].digest.slice(7)));
  await using ctx = await open(refuse, ["oci:bare"]);
  const no = { code: "CTXPACK_E_POLICY" };
  await expect(ctx.pull(URI, { to: "refused" })).rejects.toMatchObject(no);
  await expect(ctx.inspect(URI)).rejects.toMatchObject(no);
  await expect(ctx.entries(URI)).rejects.toMatchObject(no);
  await expect(text(ctx.cat(URI, "run.sh"))).rejects.toMatchObject(no);
  expect(asked.slice(0, 2)).toEqual([manifest.mediaType, manifest.config.mediaType]);
  await using yes = await open(async () => {});
  expect(await yes.pull(URI, { to: "accepted" })).toMatchObject({ verified: "policy" });
});

test("contents of many pieces arrive whole, in the layer and on the disk", async () => {
  const content = Buffer.alloc(5_000_001);
  for (let at = 0; at < content.length; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  await pushLegacy(join(cwd, "large"), gzipSync(tarOf({ name: "data", content })));
  await using ctx = await open(undefined, ["oci:large"]);
  const { path } = await ctx.pull(URI, { to: "large-out" });
  expect(readFileSync(join(path, "data")).equals(content)).toBe(true);
  const read: Uint8Array[] = [];
  for await (const chunk of ctx.cat(URI, "data")) read.push(chunk);
  expect(Buffer.concat(read).equals(content)).toBe(true);
});

test("Docker's media types, and names that begin with ./", async () => {
  const tar = Buffer.concat([
    member({ name: "./", type: "5" }),
    member({ name: "./manifest.json", content: description() }),
    member({ name: "./a", content: "a" }),
    member({ name: "./b", type: "1", link: "./a" }),
    END,
  ]);
  await pushLegacy(join(cwd, "docker"), gzipSync(tar), { docker: true });
  await using ctx = await open(undefined, ["oci:docker"]);
  const entries = [...(await ctx.entries(URI))];
  expect(entries.map(({ path }) => path)).toEqual(["a", "b", "manifest.json"]);
});

test.for([
  ["numbers as they were written", '{"b": 1.0, "a": 12345678901234567890, "é😀": [-0.0, 1e400]}'],
  ["keys that V8 would mix up", '{"x": {"k": false, "\\\\": 1}, "y": {"k": true, "\\"": 2}}'],
  ["outputs", '{"tool": "t", "outputs": [{"path": "./out"}]}'],
  ["a path beside its digest", '{"inputs": [{"name": "d", "path": "docs", "digest": "ab12"}]}'],
])("the URI comes from the contract's own text: %s", async ([name, contract], { expect }) => {
  const digests = new Map([["docs", "ab12"]]);
  const uri = uriOf(sha256(legacyBytes(contract as string, digests)));
  const tar = member({ name: "manifest.json", content: description(contract, uri) });
  const dir = `own-${(name as string).replaceAll(/\W/g, "-")}`;
  await pushLegacy(join(cwd, dir), gzipSync(Buffer.concat([tar, END])), {
    tag: uri.slice(13, 25),
  });
  await using ctx = await open(undefined, [`oci:${dir}`]);
  const pack = await ctx.inspect(uri);
  expect(pack).toMatchObject({ uri });
  if (name === "keys that V8 would mix up") {
    expect(pack.contract).toEqual({ x: { k: false, "\\": 1 }, y: { k: true, '"': 2 } });
  }
});

test("a pack under its own tag wins, wherever it is", async () => {
  await using ctx = await open(undefined, ["oci:pantry", "oci:real"]);
  mkdirSync(join(cwd, "data"));
  writeFileSync(join(cwd, "data/x"), "x");
  const { record } = await ctx.seed("data", { contract: { transforms: [{ tool: "real" }] } });
  await ctx.push(record.uri, { to: "oci:real" });
  await pushLegacy(join(cwd, "pantry"), goodLayer(), { tag: record.uri.slice(13, 25) });
  await ctx.remove(record.uri);
  const pulled = await ctx.pull(record.uri);
  expect(pulled).toMatchObject({ source: "oci:real" });
});

test("aborted midway it leaves nothing", async () => {
  await using ctx = await open();
  for (const at of [1, 2, 4, 8]) {
    const controller = new AbortController();
    const reason = new Error("enough");
    let seen = 0;
    const onProgress = () => {
      if (++seen === at) controller.abort(reason);
    };
    const { signal } = controller;
    const pulled = ctx.pull(URI, { to: "aborted", signal, onProgress });
    if (at < 8) await expect(pulled).rejects.toBe(reason);
    else await pulled.catch(() => {});
    expect(leftovers()).toEqual([]);
    rmSync(join(cwd, "aborted"), { recursive: true, force: true });
  }
});
