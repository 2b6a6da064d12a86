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
import { findHit, type PackBrief, type PackRecord, Store } from "../../src/index.ts";
import { KnownRecords } from "../../src/store/known/records.ts";
import { RecordsList } from "../../src/store/known/records-list.ts";
import type { Parts } from "../../src/store/parts.ts";
import type { NewRecord } from "../../src/store/record.ts";
import { contractOf, folder, openStore, partsOf, uriFor, workplace } from "./fixture.ts";

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

/** Makes a record unreadable where it lies, which nothing of ours does: its shelf does not look changed. */
function hide(parts: Parts, uri: CtxUri): void {
  writeFileSync(parts.places.record(uri), "hidden");
}

async function all(list: AsyncIterable<PackRecord>): Promise<PackRecord[]> {
  const records: PackRecord[] = [];
  for await (const record of list) records.push(record);
  return records;
}

/** What a short list shows of them. */
async function briefs(records: Promise<PackRecord[]>): Promise<PackBrief[]> {
  return (await records).map(({ uri, kind, files, bytes, name, partial, pinned, usedAt }) => ({
    ...{ uri, files, bytes, partial, pinned, usedAt },
    ...(kind && { kind }),
    ...(name !== undefined && { name }),
  }));
}

/** What the records say that are read one by one. */
function truth(parts: Parts): Promise<PackRecord[]> {
  return all(parts.records.list());
}

it("a store of many packs is listed from one file, and no record is opened", async () => {
  const { store, parts, file } = await storeWith(100);
  const first = await all(store.overview());
  expect(first).toEqual(await truth(parts));
  expect(first).toHaveLength(100);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  hide(parts, uriAt(7));
  expect(await all(store.overview())).toEqual(first);
  expect(await truth(parts)).toHaveLength(99);
});

it("a short list reads no more of that file than it shows", async () => {
  const { store, parts, file } = await storeWith(100);
  expect(await all(store.overview())).toHaveLength(100);
  hide(parts, uriAt(7));
  const bytes = readFileSync(file);
  // What whole records are made of begins where the last brief ends.
  const end = bytes.indexOf('"manifest"');
  writeFileSync(file, bytes.fill("x", end));
  const short = await new KnownRecords(parts).briefs();
  expect(short).toHaveLength(100);
  expect(short.find(({ uri }) => uri === uriAt(7))).toEqual({
    uri: uriAt(7),
    files: 7,
    bytes: 70,
    name: "naïve 7\n",
    partial: false,
    pinned: false,
    usedAt: expect.stringMatching(/^20/),
  });
  expect(await all(store.overview())).toHaveLength(99);
});

it.each([true, false])(
  "a short list ends with the reason of its signal (in the file: %s)",
  async (isInFile) => {
    const { store, parts, file } = await storeWith(100);
    if (isInFile) await all(store.overview());
    const controller = new AbortController();
    // From the file it is made in one go; else others get their turn.
    if (isInFile) controller.abort(new Error("enough"));
    const listing = new KnownRecords(parts).briefs(controller.signal);
    controller.abort(new Error("enough"));
    await expect(listing).rejects.toThrow("enough");
    expect(existsSync(file)).toBe(isInFile);
  },
);

it("what is damaged is not taken for another version's", async () => {
  const { store, file } = await storeWith(100);
  for (const text of ["v2", "v2\n", "v2X1 2 3\n", "vv1 ", "v2 1 2 3\n"]) {
    writeFileSync(file, `ctxpack.known-records/${text}`);
    const { damages } = await store.check();
    expect(damages.map(({ kind }) => kind)).toContain("known-records-damaged");
  }
});

it("what another version has written is no damage, and is written again", async () => {
  const { store, parts, file } = await storeWith(100);
  writeFileSync(file, `ctxpack.known-records/v1 123\n[]\n`);
  expect((await store.check()).damages.map(({ kind }) => kind)).not.toContain(
    "known-records-damaged",
  );
  expect(await new KnownRecords(parts).briefs()).toHaveLength(100);
  expect(readFileSync(file, "latin1")).toMatch(/^ctxpack.known-records\/v2 /);
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
          // Short ones first: where much has changed they are made of whole ones, which write the list.
          const short = await briefs(truth(parts));
          expect(await known.briefs()).toEqual(short);
          expect(await all(known.list())).toEqual(await truth(parts));
          expect(await known.briefs()).toEqual(short);
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
  await all(store.overview());
  await pause(TICK_MS);
  parts.records.touch(uriAt(3));
  const listed = await all(store.overview());
  expect(listed).toEqual(await truth(parts));
  expect(listed.find(({ uri }) => uri === uriAt(3))?.usedAt).not.toMatch(/^2001/);
});

it("a hit is a use", async () => {
  const { store } = await storeWith(100);
  const parts = partsOf(store.dir);
  const uri = uriFor("hit");
  const out = folder(join(dirname(store.dir), "out"), { a: "a" });
  await store.seed(out, contractOf("hit"));
  await store.tree(uri);
  utimesSync(parts.places.record(uri), 1e9, 1e9);
  const before = await all(store.overview());
  expect(before.find((one) => one.uri === uri)?.usedAt).toMatch(/^2001/);
  await pause(TICK_MS);
  expect(findHit(store.dir, uri)?.record.uri).toBe(uri);
  expect(await all(store.overview())).toEqual(await truth(parts));
});

it.each([
  ["changed a moment ago", 0],
  ["is ahead of the clock", -10_000],
])("a shelf that %s is looked at again", async (_, laterMs) => {
  const { store, parts, file } = await storeWith(100);
  const times = Array.from({ length: 256 }, (_, i) => parts.records.changedMs(i)).filter(Boolean);
  vi.setSystemTime(Math.min(...times) + laterMs);
  expect(await all(store.overview())).toEqual(await truth(parts));
  expect(existsSync(file)).toBe(false);
  vi.setSystemTime(Math.max(...times) + 10_000);
  await all(store.overview());
  expect(existsSync(file)).toBe(true);
});

it("with few packs, or read-only, nothing is written; what is there is used", async () => {
  const few = await storeWith(10);
  expect(await all(few.store.overview())).toHaveLength(10);
  expect(existsSync(few.file)).toBe(false);
  const many = await storeWith(100);
  await using reader = await Store.open(many.store.dir, { readOnly: true });
  expect(await all(reader.overview())).toHaveLength(100);
  expect(existsSync(many.file)).toBe(false);
  await all(many.store.overview());
  hide(many.parts, uriAt(7));
  expect(await all(reader.overview())).toHaveLength(100);
});

it("fsck names a list of what is not here", async () => {
  const { store, file } = await storeWith(100);
  await all(store.overview());
  expect((await store.check()).damages.map(({ kind }) => kind)).not.toContain(
    "known-records-damaged",
  );
  const list = RecordsList.parse(readFileSync(file));
  const [first, second] = list?.shelves ?? [];
  if (!list || !first || !second) throw new Error("no shelves");
  for (const part of ["brief", "json"] as const) {
    const swapped = [{ ...first, [part]: second[part] }, ...list.shelves.slice(1)];
    writeFileSync(file, Buffer.concat(RecordsList.format(swapped)));
    const { damages } = await store.check();
    expect(damages.filter(({ kind }) => kind === "known-records-damaged")).toMatchObject([
      { path: file },
    ]);
  }
});

it("collecting packs forgets what was known of them", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), { a: "a" });
  for (let i = 0; i < 40; i++)
    await store.seed(out, contractOf(`tool ${i}`), { name: `name ${i}` });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
  const file = join(store.dir, "known-records");
  expect(await all(store.overview())).toHaveLength(40);
  await store.collect({ apply: true });
  expect(readFileSync(file, "utf8")).toContain("name 7");
  const report = await store.collect({ apply: true, olderThanMs: 1, grace: { usedMs: 0 } });
  expect(report.packs).toHaveLength(40);
  expect(existsSync(file)).toBe(false);
  expect(await all(store.overview())).toEqual([]);
});

it("a file that has any byte changed, or is cut, is none", async () => {
  const { store, parts, file } = await storeWith(100);
  await all(store.overview());
  const good = readFileSync(file);
  const right = await truth(parts);
  const short = await briefs(truth(parts));
  const step = Math.ceil(good.length / 60);
  for (let at = 0; at < good.length; at += at < 200 ? 3 : step) {
    const bytes = Buffer.from(good);
    bytes[at] = (bytes[at] ?? 0) ^ 0x15;
    for (const damage of [bytes, good.subarray(0, at)]) {
      writeFileSync(file, damage);
      expect(await new KnownRecords(parts).briefs(), `byte ${at}`).toEqual(short);
      writeFileSync(file, damage);
      expect(await all(store.overview()), `byte ${at}`).toEqual(right);
    }
  }
});

it.each([0, 1, 50])("ends with the reason of its signal, after %i records", async (count) => {
  const { store, file } = await storeWith(100);
  const controller = new AbortController();
  let seen = 0;
  const work = async () => {
    if (count === 0) controller.abort(new Error("enough"));
    for await (const _ of store.overview({ signal: controller.signal })) {
      if (++seen === count) controller.abort(new Error("enough"));
    }
  };
  await expect(work()).rejects.toThrow("enough");
  expect([seen, existsSync(file)]).toEqual([count, false]);
});

it("who stops early leaves nothing, and who changes what it was given changes no list", async () => {
  const { store, parts, file } = await storeWith(100);
  for await (const _ of store.overview()) break;
  expect(existsSync(file)).toBe(false);
  for await (const record of store.overview()) Object.assign(record, { name: "changed" });
  expect(await all(store.overview())).toEqual(await truth(parts));
});
