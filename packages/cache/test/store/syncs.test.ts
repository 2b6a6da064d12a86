// The order of writes that docs/store.md promises, as a process does it: what a power cut may take is decided by what was
// synced before what.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { contractOf, folder, noise, openStore, sample, uriFor, workplace } from "./fixture.ts";
import { drive } from "./spawn.ts";

const preload = fileURLToPath(new URL("./note-syncs.ts", import.meta.url));
const contract = Buffer.from(contractOf("t")).toString();
const canNote = process.platform === "linux";

interface Call {
  readonly what: "write" | "sync" | "rename";
  readonly path: string;
  readonly to?: string;
}

/** What a driver does to its disk, in order. */
async function callsOf(dir: string, args: readonly string[]): Promise<Call[]> {
  const log = join(dir, "calls");
  writeFileSync(log, "");
  const env = ["env", `NODE_OPTIONS=--import=${preload}`, `CTXPACK_TEST_SYNCS=${log}`];
  expect(await drive(args, env)).toMatchObject({ code: 0 });
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Call);
}

/** Where files get their names in a folder, each with its content on disk before it. */
function synced(calls: readonly Call[], parent: string, name = /./): number[] {
  const isIn = (path: string): boolean => dirname(path) === parent && name.test(basename(path));
  const renames = [...calls.entries()].filter(
    ([, { what, to }]) => what === "rename" && to !== undefined && isIn(to),
  );
  for (const [at, { path, to }] of renames) {
    const before = calls.slice(0, at);
    const written = before.findLastIndex((call) => call.what === "write" && call.path === path);
    const onDisk = before.findLastIndex((call) => call.what === "sync" && call.path === path);
    expect(onDisk, `${to} is synced before it gets its name`).toBeGreaterThan(written);
    expect(onDisk).toBeGreaterThanOrEqual(0);
  }
  return renames.map(([at]) => at);
}

function lastSync(calls: readonly Call[], path: string): number {
  return calls.findLastIndex((call) => call.what === "sync" && call.path === path);
}

/** Blobs before their names, the names before the record, the record before its name, that at the end. */
function expectPublished(calls: readonly Call[], store: string): void {
  const hex = uriFor("t").slice("ctx://sha256:".length);
  const blobs = join(store, "blobs/sha256");
  const shelf = join(store, "packs", hex.slice(0, 2));
  const named = synced(calls, blobs);
  expect(named.length).toBeGreaterThan(3);
  const [record = -1, ...others] = synced(calls, shelf);
  expect(record).toBeGreaterThan(0);
  expect(others).toEqual([]);
  const namesOnDisk = lastSync(calls.slice(0, record), blobs);
  expect(namesOnDisk, "names of blobs, before the record's").toBeGreaterThan(Math.max(...named));
  expect(lastSync(calls, shelf), "the record's name").toBeGreaterThan(record);
}

it.skipIf(!canNote)("a store, a seed and a pin are on disk before anything says so", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), { ...sample, big: noise(3_000_000) });
  const store = join(dir, "store");
  const calls = await callsOf(dir, [store, "seed", out, contract]);
  const begun = synced(calls, store, /^(VERSION|oci-layout)$/);
  expect(begun).toHaveLength(2);
  expect(lastSync(calls, store), "the names of both").toBeGreaterThan(Math.max(...begun));
  expect(lastSync(calls, join(store, "blobs"))).toBeGreaterThanOrEqual(0);
  expectPublished(calls, store);
  const pinning = await callsOf(dir, [store, "pin", uriFor("t")]);
  const pin = lastSync(pinning, join(store, "pins", uriFor("t").slice(-64)));
  expect(pin).toBeGreaterThanOrEqual(0);
  expect(lastSync(pinning, join(store, "pins"))).toBeGreaterThan(pin);
});

it.skipIf(!canNote)("so is a pull", async () => {
  const dir = workplace();
  const pantry = await openStore(join(dir, "pantry"));
  const out = folder(join(dir, "out"), { ...sample, big: noise(3_000_000) });
  await pantry.seed(out, contractOf("t"));
  const store = join(dir, "store");
  expectPublished(await callsOf(dir, [store, "admit", uriFor("t"), pantry.dir]), store);
});
