import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RunLog, Store } from "../../src/index.ts";
import { contractOf, folder, openStore, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");

async function seeded(): Promise<{ dir: string; store: Store; log: RunLog }> {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const { record } = await store.seed(folder(join(dir, "out"), { f: "a" }), contractOf("t"));
  const log = {
    uri,
    tree: record.tree,
    command: ["node", "ü\n"],
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs: 1234,
    stdout: { bytes: Buffer.from([0x0a, 0xff, 0x00]), dropped: 0 },
    stderr: { bytes: Buffer.from("said\n"), dropped: 7 },
  };
  await store.keepLog(log);
  return { dir, store, log };
}

function logFile(store: Store): string {
  const hex = uri.slice(-64);
  return join(store.dir, "logs", hex.slice(0, 2), hex);
}

it("comes back byte for byte, for its user only, and goes with its pack", async () => {
  const { store, log } = await seeded();
  expect(await store.log(uri)).toEqual(log);
  expect(statSync(logFile(store)).mode & 0o777).toBe(0o600);
  await store.remove(uri);
  expect(existsSync(logFile(store))).toBe(false);
  expect(await store.log(uri)).toBeUndefined();
});

it("is not that of another output, nor a damaged one", async () => {
  const { dir, store, log } = await seeded();
  const whole = readFileSync(logFile(store));
  for (const bytes of [whole.subarray(0, -1), Buffer.from("{"), Buffer.alloc(0)]) {
    writeFileSync(logFile(store), bytes);
    expect(await store.log(uri)).toBeUndefined();
  }
  writeFileSync(logFile(store), whole);
  expect(await store.log(uri)).toEqual(log);
  await store.seed(folder(join(dir, "other"), { f: "b" }), contractOf("t"), { replace: true });
  expect(await store.log(uri)).toBeUndefined();
});

it("counts, and is collected with its pack", async () => {
  const { store } = await seeded();
  const { size } = await statSync(logFile(store));
  const before = await store.collect({ maxBytes: 0 });
  const grace = { handedOutMs: -1, usedMs: -1, unnamedMs: -1 };
  const done = await store.collect({ maxBytes: 0, apply: true, grace });
  expect(done.packs.map((pack) => pack.uri)).toEqual([uri]);
  expect(before.size).toBeGreaterThan(size);
  // The database is all that is left.
  expect(done.sizeAfter).toBe(statSync(join(store.dir, "store.db")).size);
  expect(existsSync(logFile(store))).toBe(false);
});
