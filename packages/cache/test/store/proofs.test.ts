import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { expect, it } from "vitest";
import type { Acceptance, Store } from "../../src/index.ts";
import { contractOf, folder, openStore, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");
const encode = (text: string) => new TextEncoder().encode(text);
// Pretty-printed by others, with a newline: they are kept byte for byte.
const bundle = encode('{\n  "a": 1\n}\n');
const statement = encode('{"_type":"https://in-toto.io/Statement/v1"}');
const policy = sha256(encode("a policy"));
const acceptance: Acceptance = {
  policies: [policy],
  bundles: [sha256(bundle)],
  manifest: sha256(encode("m")),
  at: "2026-01-01T00:00:00.000Z",
};

async function seeded(): Promise<{ dir: string; store: Store }> {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), { f: "a" }), contractOf("t"));
  return { dir, store };
}

function fileOf(store: Store): string {
  const hex = uri.slice(-64);
  return join(store.dir, "proofs", hex.slice(0, 2), hex);
}

it("add up, byte for byte, and go with their pack", async () => {
  const { store } = await seeded();
  expect(await store.proofs(uri)).toBeUndefined();
  expect(await store.keepProofs(uri, { statement })).toBe(true);
  await store.keepProofs(uri, { bundles: [bundle] });
  await store.keepProofs(uri, { bundles: [bundle], acceptances: [acceptance] });
  const renewed = { ...acceptance, at: "2026-01-02T00:00:00.000Z", until: "2026-02-01T00:00:00Z" };
  await store.keepProofs(uri, { acceptances: [renewed] });
  const kept = await store.proofs(uri);
  expect(kept?.statement && Buffer.from(kept.statement).equals(statement)).toBe(true);
  expect(kept?.bundles.map((bytes) => sha256(bytes))).toEqual([sha256(bundle)]);
  expect(kept?.acceptances).toEqual([renewed]);
  await store.remove(uri);
  expect(existsSync(fileOf(store))).toBe(false);
  expect(await store.keepProofs(uri, { statement })).toBe(false);
});

it("of many at once all are kept, but no more than 64", async () => {
  const { dir, store } = await seeded();
  const others = await Promise.all([1, 2].map(() => openStore(join(dir, "store"))));
  const bundles = Array.from({ length: 70 }, (_, n) => encode(`{"n":${n}}`));
  const stores = [store, ...others];
  await Promise.all(
    bundles.map((one, n) => (stores[n % 3] as Store).keepProofs(uri, { bundles: [one] })),
  );
  expect((await store.proofs(uri))?.bundles).toHaveLength(64);
});

it("are not those of another output, nor damaged ones", async () => {
  const { dir, store } = await seeded();
  await store.keepProofs(uri, { statement, bundles: [bundle], acceptances: [acceptance] });
  const whole = readFileSync(fileOf(store));
  const changed = Buffer.from(whole);
  changed[changed.length - 2] = 0x20;
  for (const bytes of [whole.subarray(0, -1), changed, Buffer.from("{}\n"), Buffer.from("")]) {
    writeFileSync(fileOf(store), bytes);
    expect(await store.proofs(uri)).toBeUndefined();
  }
  writeFileSync(fileOf(store), whole);
  expect(await store.proofs(uri)).toBeDefined();
  const other = folder(join(dir, "other"), { f: "b" });
  await store.seed(other, contractOf("t"), { replace: true });
  expect(await store.proofs(uri)).toBeUndefined();
});
