import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import type { Rechecks, Store } from "../../src/index.ts";
import { contractOf, folder, openStore, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");

async function seeded(): Promise<{ dir: string; store: Store; same: Rechecks; other: Rechecks }> {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const { record } = await store.seed(folder(join(dir, "out"), { f: "a" }), contractOf("t"));
  const same = {
    uri,
    tree: record.tree,
    runs: 1,
    different: 0,
    lastAt: "2026-01-01T00:00:00.000Z",
  };
  const last = { differences: 1, paths: [{ path: "f", kind: "changed", byte: 0 } as const] };
  const other = { ...same, different: 1, lastAt: "2026-01-02T00:00:00.000Z", last };
  return { dir, store, same, other };
}

function fileOf(store: Store): string {
  const hex = uri.slice(-64);
  return join(store.dir, "rechecks", hex.slice(0, 2), hex);
}

it("add up, keep the last other output, and go with their pack", async () => {
  const { store, same, other } = await seeded();
  expect(await store.rechecks(uri)).toBeUndefined();
  await store.noteRechecks(same);
  await store.noteRechecks(other);
  const all = { ...other, runs: 3, different: 1 };
  expect(await store.noteRechecks({ ...same, lastAt: other.lastAt })).toEqual(all);
  expect(await store.rechecks(uri)).toEqual(all);
  await store.remove(uri);
  expect(existsSync(fileOf(store))).toBe(false);
  expect(await store.noteRechecks(same)).toBeUndefined();
});

it("of many at once all count", async () => {
  const { dir, store, same } = await seeded();
  const others = await Promise.all([1, 2, 3].map(() => openStore(join(dir, "store"))));
  await Promise.all([store, ...others].map((one) => one.noteRechecks(same)));
  expect((await store.rechecks(uri))?.runs).toBe(4);
});

it("are not those of another output, nor damaged ones", async () => {
  const { dir, store, same } = await seeded();
  await store.noteRechecks(same);
  const whole = readFileSync(fileOf(store), "utf8");
  for (const text of [whole.slice(0, -3), "{}", "", "null"]) {
    writeFileSync(fileOf(store), text);
    expect(await store.rechecks(uri)).toBeUndefined();
  }
  writeFileSync(fileOf(store), whole);
  expect(await store.rechecks(uri)).toEqual(same);
  await store.seed(folder(join(dir, "other"), { f: "b" }), contractOf("t"), { replace: true });
  expect(await store.rechecks(uri)).toBeUndefined();
  expect(await store.noteRechecks(same)).toBeUndefined();
});

it("are counted and collected with their pack; one without a pack is a leftover", async () => {
  const { dir, store, other } = await seeded();
  const before = await store.collect({ maxBytes: 0 });
  await store.noteRechecks(other);
  const bytes = readFileSync(fileOf(store)).length;
  const grace = { handedOutMs: -1, usedMs: -1, unnamedMs: -1 };
  expect((await store.collect({ maxBytes: 0 })).size).toBe(before.size + bytes);
  const aside = join(dir, "aside");
  renameSync(fileOf(store), aside);
  const done = await store.collect({ maxBytes: 0, apply: true, grace });
  // The database is all that is left.
  expect(done.sizeAfter).toBe(statSync(join(store.dir, "store.db")).size);
  renameSync(aside, fileOf(store));
  const kinds = async () => (await store.check({})).damages.map(({ kind }) => kind);
  expect(await kinds()).toEqual(["stale-recheck"]);
  await store.check({ repair: true });
  expect([await kinds(), existsSync(fileOf(store))]).toEqual([[], false]);
  writeFileSync(join(dirname(fileOf(store)), "mine"), "");
  expect(await kinds()).toEqual(["foreign-file"]);
});
