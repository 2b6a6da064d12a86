import {
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { findHit } from "../../src/index.ts";
import { contractOf, folder, openStore, sample, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");

async function pulled() {
  const dir = join(workplace(), "store");
  const store = await openStore(dir);
  await store.seed(folder(join(dirname(dir), "out"), sample), contractOf("t"));
  const path = await store.tree(uri);
  return { dir, store, path };
}

it("says what the store says of a pack and its folder", async () => {
  const { dir, store, path } = await pulled();
  expect(findHit(dir, uri)).toEqual({ record: await store.get(uri), path });
  await store.pin(uri);
  expect(findHit(dir, uri)?.record.pinned).toBe(true);
  expect(findHit(dir, uriFor("another"))).toBeUndefined();
});

it("notes that pack and folder are in use, which keeps them from being collected", async () => {
  const { dir, path } = await pulled();
  const made = join(dirname(path), "made.json");
  const hex = uri.slice("ctx://sha256:".length);
  const record = join(dir, "packs", hex.slice(0, 2), `${hex}.json`);
  const old = new Date(Date.now() - 86_400_000);
  for (const file of [made, record]) utimesSync(file, old, old);
  const before = Date.now() - 60_000;
  expect(Date.parse(findHit(dir, uri)?.record.usedAt ?? "")).toBeGreaterThan(before);
  expect(statSync(made).mtimeMs).toBeGreaterThan(before);
});

it.each<[what: string, spoil: (place: { dir: string; path: string; record: string }) => void]>([
  ["a file of another size", ({ path }) => overwrite(join(path, "a.txt"), "longer than it was")],
  ["a file that is gone", ({ path }) => remove(join(path, "a.txt"))],
  ["no marker", ({ path }) => rmSync(join(dirname(path), "made.json"))],
  ["no folder", ({ path }) => renameSync(dirname(path), `${dirname(path)}.away`)],
  ["a marker of another boot", ({ path }) => edit(join(dirname(path), "made.json"), /"boot":"./)],
  ["a damaged record", ({ record }) => writeFileSync(record, "{")],
  ["a partial pack", ({ record }) => edit(record, /"partial":false/, '"partial":true')],
  ["no record", ({ record }) => rmSync(record)],
  ["a newer store", ({ dir }) => writeFileSync(join(dir, "VERSION"), "2\n")],
  ["no store", ({ dir }) => renameSync(dir, `${dir}.away`)],
])("leaves the rest to the store: %s", async (_, spoil) => {
  const { dir, path } = await pulled();
  const hex = uri.slice("ctx://sha256:".length);
  const record = join(dir, "packs", hex.slice(0, 2), `${hex}.json`);
  expect(findHit(dir, uri)).toBeDefined();
  spoil({ dir, path, record });
  expect(findHit(dir, uri)).toBeUndefined();
});

function overwrite(path: string, text: string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, text);
}

function remove(path: string): void {
  chmodSync(dirname(path), 0o755);
  rmSync(path);
}

function edit(path: string, what: RegExp, by = '"boot":"-'): void {
  const before = readFileSync(path, "utf8");
  const after = before.replace(what, by);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}
