import {
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type CtxUri, sha256, uriOf } from "@ctxpack/identity";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { type PackRecord, Store } from "../../src/index.ts";
import { KnownRecords } from "../../src/store/known/records.ts";
import type { Parts } from "../../src/store/parts.ts";
import type { NewRecord } from "../../src/store/record.ts";
import { openStore, partsOf, workplace } from "./fixture.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Longer than times of folders stay the same on any kernel, in milliseconds. */
const TICK_MS = 12;

const uriAt = (i: number): CtxUri => uriOf(sha256(Buffer.from(`pack ${i}`)));

function recordOf(i: number, more: Partial<NewRecord> = {}): NewRecord {
  const digest = sha256(Buffer.from(`manifest ${i}`));
  return {
    uri: uriAt(i),
    manifest: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 100 + i },
    tree: sha256(Buffer.from(`tree ${i}`)),
    files: i,
    bytes: 10 * i,
    name: `naïve ${i}\n`,
    partial: false,
    origin: "seed",
    createdAt: "2026-01-01T00:00:00.000Z",
    ...more,
  };
}

/** A store with so many records; from now on the clock says that they are old enough to be sure of. */
async function storeWith(count: number) {
  const store = await openStore(join(workplace(), "store"));
  const parts = partsOf(store.dir);
  for (let i = 0; i < count; i++) parts.records.write(recordOf(i));
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
  return { store, parts, file: join(store.dir, "known-records") };
}

async function all(list: AsyncIterable<PackRecord>): Promise<PackRecord[]> {
  const records: PackRecord[] = [];
  for await (const record of list) records.push(record);
  return records;
}

/** What the records say that are read one by one. */
function truth(parts: Parts): Promise<PackRecord[]> {
  return all(parts.records.list());
}

it("a store of many packs is listed from one file, and no record is opened", async () => {
  const { store, parts, file } = await storeWith(100);
  const first = await all(store.list());
  expect(first).toEqual(await truth(parts));
  expect(first).toHaveLength(100);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // Written where it lies, which nothing of ours does: neither the record nor its shelf looks changed.
  const path = parts.places.record(uriAt(7));
  const { atime, mtime } = statSync(path);
  writeFileSync(path, "hidden");
  utimesSync(path, atime, mtime);
  expect(await all(store.list())).toEqual(first);
  expect(await truth(parts)).toHaveLength(99);
});

it("whatever comes, goes, is replaced, pinned or used between: what is listed is what the records say", async () => {
  const step = fc.record({
    kind: fc.constantFrom("write", "remove", "pin", "unpin", "use", "partial", "lose", "cut"),
    which: fc.nat({ max: 59 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 5 }),
      async (rounds) => {
        const { store, parts, file } = await storeWith(40);
        const { records, places } = parts;
        const known = new KnownRecords(parts);
        await all(known.list());
        for (const [round, steps] of rounds.entries()) {
          await pause(TICK_MS);
          for (const { kind, which } of steps) {
            const uri = uriAt(which);
            if (kind === "write") records.write(recordOf(which, { name: `round ${round}` }));
            if (kind === "partial") records.write(recordOf(which, { partial: true }));
            if (kind === "remove") records.remove(uri);
            if (kind === "pin") records.pin(uri);
            if (kind === "unpin") records.unpin(uri);
            if (kind === "lose") rmSync(file, { force: true });
            if (kind === "cut" && existsSync(file)) truncateSync(file, 1000 * which);
            if (kind === "use" && records.has(uri)) {
              utimesSync(places.record(uri), 1e9 + which, 1e9 + which);
              records.touch(uri);
            }
          }
          expect(await all(known.list())).toEqual(await truth(parts));
        }
        await store[Symbol.asyncDispose]();
      },
    ),
    { numRuns: 25 },
  );
});

it("a use is seen though a record came to its shelf just before", async () => {
  const { store, parts } = await storeWith(100);
  const path = parts.places.record(uriAt(3));
  utimesSync(path, 1e9, 1e9);
  utimesSync(dirname(path), new Date(), new Date());
  await all(store.list());
  await pause(TICK_MS);
  parts.records.touch(uriAt(3));
  const listed = await all(store.list());
  expect(listed).toEqual(await truth(parts));
  expect(listed.find(({ uri }) => uri === uriAt(3))?.usedAt).not.toMatch(/^2001/);
});

it("a shelf that changed a moment ago is looked at again", async () => {
  const { store, parts, file } = await storeWith(100);
  vi.useRealTimers();
  await all(store.list());
  await all(store.list());
  expect(() => statSync(file)).toThrow("ENOENT");
  expect(await all(store.list())).toEqual(await truth(parts));
});

it("with few packs, or read-only, nothing is written", async () => {
  const few = await storeWith(10);
  expect(await all(few.store.list())).toHaveLength(10);
  expect(() => statSync(few.file)).toThrow("ENOENT");
  const many = await storeWith(100);
  await using reader = await Store.open(many.store.dir, { readOnly: true });
  expect(await all(reader.list())).toHaveLength(100);
  expect(() => statSync(many.file)).toThrow("ENOENT");
});

it("a file that has any byte changed, or is cut, is none", async () => {
  const { store, parts, file } = await storeWith(100);
  await all(store.list());
  const good = readFileSync(file);
  const right = await truth(parts);
  const step = Math.ceil(good.length / 60);
  for (let at = 0; at < good.length; at += at < 200 ? 3 : step) {
    const bytes = Buffer.from(good);
    bytes[at] = (bytes[at] ?? 0) ^ 0x15;
    for (const damage of [bytes, good.subarray(0, at)]) {
      writeFileSync(file, damage);
      expect(await all(store.list()), `byte ${at}`).toEqual(right);
    }
  }
});

it("ends with the reason of its signal", async () => {
  const { store } = await storeWith(20);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(all(store.list({ signal }))).rejects.toThrow("enough");
});
