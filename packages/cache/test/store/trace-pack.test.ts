import { join } from "node:path";
import { type CtxUri, canonicalBytes, type JsonValue, sha256, uriOf } from "@ctxpack/identity";
import { beforeEach, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { parsePackManifest } from "../../src/pack/index.ts";
import { contractOf, folder, from, openStore, workplace } from "./fixture.ts";

const STEPS = '{"kind":"user","seq":0}\n';

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = workplace();
  store = await openStore(join(dir, "store"));
});

function headOf(steps: string, more: Record<string, JsonValue> = {}): Uint8Array {
  const digest = sha256(Buffer.from(steps));
  return canonicalBytes({ schema: "ctxpack.run/v1", steps: { count: 1, digest }, ...more });
}

/** A trace in the store, by its head. */
async function seedTrace(
  head: Uint8Array,
  content: Record<string, string> = { "steps.ndjson": STEPS },
): Promise<CtxUri> {
  await store.seed(folder(join(dir, `out-${Object.keys(content)}`), content), head);
  return uriOf(sha256(head));
}

it("a run head makes a trace, whose kind its manifest and its record tell", async () => {
  const uri = await seedTrace(headOf(STEPS));
  expect(await store.get(uri)).toMatchObject({ kind: "trace", partial: false });
  const manifest = parsePackManifest((await store.manifest(uri)).bytes);
  expect(manifest.kind).toBe("trace");
  expect((await store.check({ deep: true })).damages).toEqual([]);
});

it("a head whose steps are not those of the folder makes nothing", async () => {
  await expect(seedTrace(headOf("other\n"))).rejects.toMatchObject({
    code: "CTXPACK_E_PACK",
    message: expect.stringContaining("steps.ndjson is sha256:"),
  });
  await expect(seedTrace(headOf(STEPS), { other: STEPS })).rejects.toMatchObject({
    message: expect.stringContaining("steps.ndjson is not in it"),
  });
  expect((await store.list()[Symbol.asyncIterator]().next()).done).toBe(true);
});

it.each([
  ["not canonical", Buffer.from(` ${Buffer.from(headOf(STEPS))}`)],
  ["without a digest of its steps", canonicalBytes({ schema: "ctxpack.run/v1", steps: {} })],
  ["of another version", headOf(STEPS, { schema: "ctxpack.run/v2" })],
])("a head that is %s is none", async (_, head) => {
  await expect(seedTrace(head)).rejects.toMatchObject({ code: "CTXPACK_E_CONTRACT" });
});

it("is taken in from elsewhere after its reader has seen the head", async () => {
  const head = headOf(STEPS);
  const uri = await seedTrace(head);
  const there = await openStore(join(dir, "there"));
  const refused = await from(store, uri, {
    readRun: () => Promise.reject(new Error("no run of mine")),
  });
  await expect(there.admit(uri, refused)).rejects.toThrow("no run of mine");
  expect(await there.get(uri)).toBeUndefined();
  let seen: Uint8Array | undefined;
  await there.admit(uri, {
    ...refused,
    readRun: async (bytes) => {
      seen = bytes;
    },
  });
  expect(seen).toEqual(head);
  expect(await there.get(uri)).toMatchObject({ kind: "trace", partial: false });
});

it("is nobody's nearest contract", async () => {
  await seedTrace(headOf(STEPS), { "steps.ndjson": STEPS });
  await store.seed(folder(join(dir, "o"), { a: "a" }), contractOf("t"));
  const sought = { contract: JSON.parse(Buffer.from(contractOf("u")).toString()), labels: {} };
  const near = await store.nearest({ ...sought, uri: uriOf(sha256(contractOf("u"))) } as never);
  expect(near?.record.kind).toBeUndefined();
});
