import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { importExecutionStore } from "../../src/index.ts";
import { collect, type MemoryPack, packInMemory, reread } from "../run/memory.ts";
import { packOne } from "./read.ts";

const dirs: string[] = [];

afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

type Bytes = string | Buffer;

function hex(text: Bytes): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A store as the earlier tool writes it: blobs under `objects/`, one file a pack under `packs/`. */
async function store(blobs: readonly Bytes[], manifests: readonly Bytes[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "ctxpack-ctx-"));
  dirs.push(dir);
  await mkdir(join(dir, "packs"));
  for (const text of [...blobs, ...manifests]) {
    const path = join(dir, "objects", hex(text).slice(0, 2), hex(text).slice(2));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  for (const text of manifests)
    await writeFile(join(dir, "packs", hex(text)), `sha256:${hex(text)}`);
  return dir;
}

const reference = (text: Bytes) => `sha256:${hex(text)}`;

/** Sorted keys, no white space, `<` escaped: what Go's encoder gives. */
const manifest = JSON.stringify({
  created: "2026-11-20T10:16:20.123456789Z",
  environment: { os: "linux", runtime: "go1.22", tool_versions: { read_file: "1.0.2" } },
  hash: "",
  inputs: [{ content_ref: reference("alpha"), name: "a.txt", size: 5 }],
  model: { identifier: "gpt-4", parameters: { temperature: 0 } },
  outputs: [{ content_ref: reference("beta"), name: "b.txt" }],
  prompts: [{ content_ref: reference("Is a < b?"), role: "user" }],
  steps: [
    {
      deterministic: true,
      index: 0,
      output_ref: "",
      parameters: { path: "a<b" },
      timestamp: "0001-01-01T00:00:00Z",
      tool: "read_file",
      type: "tool_call",
    },
  ],
  system_prompt: reference("Be exact."),
  version: "0.1",
}).replaceAll("<", "\\u003c");

const blobs = ["alpha", "beta", "Is a < b?", "Be exact."];

async function packStore(dir: string): Promise<MemoryPack[]> {
  const packs: MemoryPack[] = [];
  for await (const { parts } of importExecutionStore(dir)) packs.push(await packInMemory(parts));
  return packs;
}

test("a store's packs come with their ids, their texts in place", async () => {
  const [pack, ...others] = await packStore(await store(blobs, [manifest]));
  expect(others).toEqual([]);
  expect(pack?.head).toMatchObject({
    source: { format: "execution-log", version: "0.1", id: `sha256:${hex(manifest)}` },
    system: [{ text: "Be exact." }],
    models: [{ requested: "gpt-4", params: { value: { temperature: 0 } } }],
    inputs: [{ name: "a.txt", digest: reference("alpha"), size: 5 }],
    outputs: [{ name: "b.txt", digest: reference("beta") }],
    environment: { os: "linux", runtime: "go1.22", tools: { read_file: "1.0.2" } },
    loss: [],
  });
  const steps = pack === undefined ? [] : await collect(reread(pack).steps());
  // An empty output has an empty reference: it was captured, and is empty.
  expect(steps).toMatchObject([
    { kind: "user", result: { text: "Is a < b?" } },
    { kind: "tool", name: "read_file", determinism: "yes", result: { text: "" } },
  ]);
});

test("a store with a changed blob, a changed manifest or a missing blob is refused", async () => {
  const dir = await store(blobs, [manifest]);
  const at = (text: string) => join(dir, "objects", hex(text).slice(0, 2), hex(text).slice(2));
  await writeFile(at("alpha"), "ALPHA");
  await expect(packStore(dir)).rejects.toMatchObject({ code: "CTXPACK_E_DIGEST_MISMATCH" });
  await writeFile(at("alpha"), "alpha");
  await writeFile(at(manifest), manifest.replace("gpt-4", "gpt-5"));
  await expect(packStore(dir)).rejects.toMatchObject({ code: "CTXPACK_E_DIGEST_MISMATCH" });
  await expect(packStore(await store([], [manifest]))).rejects.toMatchObject({
    code: "CTXPACK_E_NOT_FOUND",
  });
});

test("a link, a folder or a device in a store is refused and not read", async () => {
  const dir = await store(blobs, [manifest]);
  const at = (text: string) => join(dir, "objects", hex(text).slice(0, 2), hex(text).slice(2));
  await writeFile(join(dir, "elsewhere"), "alpha");
  // The second has the right bytes; it is still not the store's own file.
  for (const target of ["/dev/zero", join(dir, "elsewhere")]) {
    await rm(at("alpha"), { force: true });
    await symlink(target, at("alpha"));
    await expect(packStore(dir)).rejects.toMatchObject({
      code: "CTXPACK_E_TRACE",
      message: expect.stringContaining("is no regular file"),
    });
  }
  await rm(at("alpha"));
  await mkdir(at("alpha"));
  await expect(packStore(dir)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
});

test("what has the name of its bytes, and is no manifest or no text, is an error of the store", async () => {
  for (const bytes of ["{", "[1", '{"a":', Buffer.from([0xff, 0xfe])]) {
    await expect(packStore(await store([], [bytes]))).rejects.toMatchObject({
      code: "CTXPACK_E_TRACE",
      message: expect.stringContaining(hex(bytes)),
    });
  }
  const broken = Buffer.from([0x61, 0xff]);
  const names = manifest.replace(reference("alpha"), reference(broken));
  await expect(packStore(await store([...blobs, broken], [names]))).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
    message: expect.stringContaining(hex(broken)),
  });
});

test("a manifest alone has its id checked, and its texts elsewhere", async () => {
  const id = `sha256:${hex(manifest)}`;
  const named = manifest.replace('"hash":""', `"hash":"${id}"`);
  const { head } = await packOne(named);
  expect(head.source).toMatchObject({ format: "execution-log", id });
  expect(head.system).toEqual([{ absent: "external", reference: reference("Be exact.") }]);
  expect(head.outputs).toEqual([{ name: "b.txt" }]);
  // Where their bytes are is told beside.
  expect(head.extra).toMatchObject({
    value: {
      inputs: [{ name: "a.txt", content_ref: reference("alpha"), size: 5 }],
      outputs: [{ name: "b.txt", content_ref: reference("beta") }],
    },
  });
  // Pretty-printed it is the same manifest.
  const spaced = JSON.stringify(JSON.parse(named), null, 2);
  expect((await packOne(spaced)).head.source.id).toBe(id);
  await expect(packOne(named.replace("gpt-4", "gpt-5"))).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
});

test("a manifest of placeholders, as documents show it, is read", async () => {
  const { hash: _, ...rest } = JSON.parse(manifest) as { hash: string };
  const shown = JSON.stringify({ ...rest, system_prompt: "blob_hash_1" });
  const { head } = await packOne(shown);
  expect(head.system).toEqual([{ absent: "external", reference: "blob_hash_1" }]);
});
