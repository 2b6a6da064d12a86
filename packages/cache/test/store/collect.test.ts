import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { CollectReport, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { clear } from "../../src/store/clear.ts";
import { takeCensus } from "../../src/store/collect/census.ts";
import { collect } from "../../src/store/collect/collect.ts";
import { keepBudget } from "../../src/store/collect/keep.ts";
import { makePlan } from "../../src/store/collect/plan.ts";
import { remove } from "../../src/store/collect/remove.ts";
import { Database } from "../../src/store/database.ts";
import { ownerName } from "../../src/store/owner.ts";
import {
  contractOf,
  filesOf,
  folder,
  look,
  noise,
  openStore,
  partsOf,
  uriFor,
  workplace,
} from "./fixture.ts";
import { CLONING, mountLoop } from "./loop-disk.ts";
import { drive } from "./spawn.ts";

const NONE = { handedOutMs: 0, usedMs: 0, listingMs: 0, trashMs: 0, resultMs: 0, unnamedMs: 0 };
const DAY_MS = 86_400_000;

/** A store with a pack for each name, last used as many days ago as its place in the list says. */
async function storeWith(
  dir: string,
  packs: Record<string, Record<string, string | Buffer>>,
): Promise<Store> {
  const store = await openStore(join(dir, "store"));
  for (const [name, files] of Object.entries(packs)) {
    await store.seed(folder(join(dir, `out-${name}`), files), contractOf(name), { name });
  }
  return store;
}

function recordOf(store: Store, name: string): string {
  const hex = uriFor(name).slice("ctx://sha256:".length);
  return join(store.dir, "packs", hex.slice(0, 2), `${hex}.json`);
}

function setAge(path: string, days: number): void {
  const at = new Date(Date.now() - days * DAY_MS);
  utimesSync(path, at, at);
}

/** Everything in the store was written long ago. */
function ageAll(store: Store, days: number): void {
  for (const name of filesOf(store.dir)) {
    if (/^(blobs|packs|trees)\//.test(name)) setAge(join(store.dir, name), days);
  }
}

async function uris(store: Store): Promise<CtxUri[]> {
  const found: CtxUri[] = [];
  for await (const { uri } of store.list()) found.push(uri);
  return found.sort();
}

function names(report: CollectReport): (string | undefined)[] {
  return report.packs.map(({ name }) => name);
}

it("says what a store takes and may take, and removes nothing that was just made", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) } });
  await store.tree(uriFor("a"));
  await store.remove(uriFor("a"));
  const before = filesOf(store.dir);
  const report = await store.collect({ maxBytes: 1 });
  expect(report).toMatchObject({ applied: false, budget: 1, packs: [], trees: [] });
  expect(report.size).toBeGreaterThan(600_000);
  expect(report.blobs).toEqual({ count: 0, bytes: 0 });
  expect((await store.collect({ apply: true })).budget).toBeGreaterThanOrEqual(1e9);
  expect(filesOf(store.dir)).toEqual(before);
});

it("removes what no pack needs, and leaves what others share", async () => {
  const dir = workplace();
  const shared = noise(900_000, 7);
  const store = await storeWith(dir, {
    a: { shared, own: noise(700_000, 8) },
    b: { shared, other: "b" },
  });
  for (const name of ["a", "b"]) await store.tree(uriFor(name));
  await store.remove(uriFor("a"));
  ageAll(store, 8);
  const said = await store.collect();
  const done = await store.collect({ apply: true });
  expect(said.blobs).toEqual(done.blobs);
  expect(done.blobs.count).toBeGreaterThan(2);
  expect(done.trees).toMatchObject([{ reason: "of no pack" }]);
  expect(done.contents).toEqual({ count: 1, bytes: 700_000 });
  expect(done.sizeAfter).toBeLessThan(done.size - 1_300_000);
  expect((await store.collect()).size).toBe(done.sizeAfter);
  expect(look(await store.tree(uriFor("b"), { verify: true }))).toMatchObject({ other: "b" });
  await store.extract(uriFor("b"), join(dir, "to"));
});

it("keeps what is pinned, in use or was handed out, however full the store is", async () => {
  const dir = workplace();
  const store = await storeWith(dir, {
    pinned: { f: noise(100_000, 1) },
    handed: { f: noise(100_000, 2) },
    used: { f: noise(100_000, 3) },
    leased: { f: noise(100_000, 4) },
    idle: { f: noise(100_000, 5) },
  });
  ageAll(store, 30);
  await store.pin(uriFor("pinned"));
  await store.tree(uriFor("handed"));
  setAge(recordOf(store, "handed"), 30);
  setAge(recordOf(store, "used"), 0);
  using _lease = store.lease(uriFor("leased"));
  const report = await store.collect({ apply: true, maxBytes: 0, olderThanMs: 1 });
  expect(names(report)).toEqual(["idle"]);
  expect(await uris(store)).toEqual(
    ["pinned", "handed", "used", "leased"].map((name) => uriFor(name)).sort(),
  );
});

it("what somebody uses between the look and the removal stays, with everything it needs", async () => {
  const dir = workplace();
  const store = await storeWith(dir, {
    used: { f: noise(300_000, 1), g: noise(40_000, 5) },
    idle: { f: noise(300_000, 3), g: noise(40_000, 5) },
  });
  ageAll(store, 30);
  const parts = partsOf(store.dir);
  const rules = { nowMs: Date.now(), budget: 0, busySinceMs: Date.now(), grace: NONE };
  const plan = await makePlan(parts.places, await takeCensus(parts, undefined), rules);
  expect(plan.packs).toHaveLength(2);
  // One is read from now on.
  using _lease = store.lease(uriFor("used"));
  await remove(parts, plan, {});
  parts.workspace.close();
  parts.database.close();
  expect(await uris(store)).toEqual([uriFor("used")]);
  await store.extract(uriFor("used"), join(dir, "to"));
  const rest = await store.collect({ grace: NONE, apply: true });
  expect(rest.packs).toEqual([]);
  await store.tree(uriFor("used"), { verify: true });
});

it("a budget takes folders first, then packs, those used longest ago first", async () => {
  const dir = workplace();
  const store = await storeWith(dir, {
    old: { f: noise(400_000, 1) },
    older: { f: noise(400_000, 3) },
    oldest: { f: noise(400_000, 5) },
  });
  await store.tree(uriFor("old"));
  ageAll(store, 10);
  setAge(recordOf(store, "older"), 20);
  setAge(recordOf(store, "oldest"), 30);
  const roomForFolderAlone = await store.collect({ maxBytes: 1_500_000 });
  expect(names(roomForFolderAlone)).toEqual([]);
  const twoPacks = await store.collect({ maxBytes: 900_000, apply: true });
  expect(twoPacks.trees).toHaveLength(1);
  expect(names(twoPacks)).toEqual(["oldest"]);
  expect(twoPacks.packs[0]?.reason).toMatch(/over the budget/);
  expect(twoPacks.sizeAfter).toBeLessThan(900_000);
  expect(names(await store.collect({ maxBytes: 500_000 }))).toEqual(["older"]);
});

it("an age takes packs whatever the budget is", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: "a" }, b: { f: "b" } });
  ageAll(store, 40);
  setAge(recordOf(store, "b"), 3);
  const report = await store.collect({ olderThanMs: 30 * DAY_MS, apply: true });
  expect(report.packs).toMatchObject([{ name: "a", reason: expect.stringMatching(/^not used/) }]);
  expect(await uris(store)).toEqual([uriFor("b")]);
});

it("blobs that a process may be about to refer to stay, those of a dead one do not", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) } });
  await store.remove(uriFor("a"));
  ageAll(store, 2);
  // This process, in another store object: at work for three days.
  const other = join(store.dir, "tmp", ownerName());
  mkdirSync(other);
  writeFileSync(join(other, "busy"), "");
  setAge(join(other, "busy"), 3);
  expect((await store.collect()).blobs.count).toBe(0);
  rmSync(other, { recursive: true });
  const dead = join(
    store.dir,
    "tmp",
    ownerName().replace(/^(\w+\.\d+)\.\d+\.\d+\./, "$1.999999.1."),
  );
  mkdirSync(dead);
  writeFileSync(join(dead, "busy"), "");
  setAge(join(dead, "busy"), 3);
  expect((await store.collect()).blobs.count).toBeGreaterThan(2);
});

it("a pack whose manifest cannot be read keeps every blob where it is", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) }, b: { f: "b" } });
  await store.remove(uriFor("b"));
  const { manifest } = (await store.get(uriFor("a"))) ?? {};
  rmSync(join(store.dir, "blobs", "sha256", manifest?.digest.slice(7) ?? ""));
  ageAll(store, 30);
  const report = await store.collect({ apply: true });
  expect(report).toMatchObject({ unreadable: [uriFor("a")], blobs: { count: 0 } });
  // Once somebody has met the damage it stands in nobody's way.
  await expect(store.index(uriFor("a"))).rejects.toMatchObject({ code: "CTXPACK_E_STORE_DAMAGED" });
  ageAll(store, 30);
  const later = await store.collect({ apply: true });
  expect(later.unreadable).toEqual([]);
  expect(later.blobs.count).toBeGreaterThan(3);
});

it("nothing of a pack goes whose record is damaged, or is gone while it is pinned, until fsck has written it again", async () => {
  const dir = workplace();
  const store = await storeWith(dir, {
    damaged: { f: noise(300_000) },
    pinned: { f: noise(300_000, 2) },
    idle: { f: noise(300_000, 3) },
  });
  await store.tree(uriFor("damaged"));
  await store.pin(uriFor("pinned"));
  ageAll(store, 30);
  writeFileSync(recordOf(store, "damaged"), "{");
  rmSync(recordOf(store, "pinned"));
  await uris(store);
  expect(await store.get(uriFor("damaged"))).toBeUndefined();
  const kept = filesOf(store.dir).filter((path) => /^(blobs|trees)/.test(path));
  const report = await store.collect({ apply: true, maxBytes: 0, grace: NONE });
  expect([...report.unreadable].sort()).toEqual([uriFor("damaged"), uriFor("pinned")].sort());
  // Nor does any other for want of room: none of its blobs could go with it.
  expect(report).toMatchObject({ packs: [], trees: [], blobs: { count: 0 } });
  expect(await uris(store)).toContain(uriFor("idle"));
  expect(filesOf(store.dir)).toEqual(expect.arrayContaining(kept));
  await store.check({ repair: true });
  for (const name of ["damaged", "pinned"]) {
    await store.extract(uriFor(name), join(dir, `to-${name}`));
  }
  expect((await store.get(uriFor("pinned")))?.pinned).toBe(true);
  const later = await store.collect({ apply: true, maxBytes: 0, grace: { ...NONE, usedMs: -1 } });
  expect(later.unreadable).toEqual([]);
  expect(await uris(store)).toEqual([uriFor("pinned")]);
});

it("a pack whose record is damaged after the look keeps its blobs", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) } });
  ageAll(store, 30);
  const parts = partsOf(store.dir);
  const rules = { nowMs: Date.now(), budget: 0, busySinceMs: Date.now(), grace: NONE };
  const plan = await makePlan(parts.places, await takeCensus(parts, undefined), rules);
  expect(plan.packs).toHaveLength(1);
  writeFileSync(recordOf(store, "a"), "{");
  await remove(parts, plan, {});
  parts.workspace.close();
  parts.database.close();
  await store.check({ repair: true });
  expect(await store.verify(uriFor("a"))).toMatchObject({ clean: true });
});

it("a disk that has no room for the note of what was written is collected on all the same", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) } });
  ageAll(store, 30);
  const tally = { countedMs: Date.now() - 2 * DAY_MS, written: 0 };
  writeFileSync(join(store.dir, "tally.json"), JSON.stringify(tally));
  const parts = partsOf(store.dir);
  const path = (): string => {
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "mkdir" });
  };
  Object.assign(parts.workspace, { path });
  await keepBudget(parts, 1, { budget: 1 });
  parts.database.close();
  expect(await uris(store)).toEqual([]);
});

it("what is known of a tree of inputs is kept for two months", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: "a" } });
  const lines = Buffer.from(`${"a".repeat(64)}  one\n${"b".repeat(64)}  two\n`);
  const digest = `dirHash1:${sha256(lines).slice("sha256:".length)}` as const;
  await store.keepListing({ digest, lines });
  ageAll(store, 50);
  expect((await store.collect()).blobs.count).toBe(0);
  ageAll(store, 61);
  expect((await store.collect()).blobs).toEqual({ count: 1, bytes: lines.length });
});

it("what was put aside goes a week after that, whatever time it had before", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: "a" } });
  const aside = join(store.dir, "quarantine");
  mkdirSync(join(aside, "tree/files"), { recursive: true });
  writeFileSync(join(aside, "tree/files/f"), noise(50_000));
  writeFileSync(join(aside, "blob"), noise(10_000));
  setAge(join(aside, "blob"), 30);
  expect((await store.collect()).leftovers).toEqual({ count: 0, bytes: 0 });
  const report = await store.collect({ apply: true, grace: { handedOutMs: -1 } });
  expect(report.leftovers).toEqual({ count: 2, bytes: 60_000 });
  expect(readdirSync(aside)).toEqual([]);
});

it("keeps itself within its budget when something is put into it", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"), { budget: 1 });
  await store.seed(folder(join(dir, "a"), { f: noise(300_000) }), contractOf("a"));
  ageAll(store, 30);
  // A day has gone by since the store was counted.
  const tally = { countedMs: Date.now() - 2 * DAY_MS, written: 0 };
  writeFileSync(join(store.dir, "tally.json"), JSON.stringify(tally));
  await store.seed(folder(join(dir, "b"), { f: noise(300_000, 2) }), contractOf("b"));
  expect(await uris(store)).toEqual([uriFor("b")]);
});

it("whatever goes, what stays is whole, and nothing is left that no pack needs", async () => {
  const pack = fc.record({
    files: fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }),
    age: fc.integer({ min: 1, max: 60 }),
    isMade: fc.boolean(),
    isRemoved: fc.boolean(),
    isPinned: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(pack, { minLength: 1, maxLength: 6 }),
      // The database alone takes some tens of kilobytes.
      fc.integer({ min: 100_000, max: 2_000_000 }),
      async (packs, maxBytes) => {
        const dir = workplace();
        const contents = packs.map(({ files }) =>
          Object.fromEntries(files.map((i) => [`f${i}`, noise(60_000 + i * 40_000, i)])),
        );
        const store = await storeWith(dir, Object.fromEntries(contents.entries()));
        for (const [i, { isMade, isRemoved, isPinned }] of packs.entries()) {
          if (isMade) await store.tree(uriFor(`${i}`));
          if (isPinned) await store.pin(uriFor(`${i}`));
          if (isRemoved && !isPinned) await store.remove(uriFor(`${i}`));
        }
        ageAll(store, 61);
        for (const [i, { age, isRemoved, isPinned }] of packs.entries()) {
          if (!isRemoved || isPinned) setAge(recordOf(store, `${i}`), age);
        }
        const said = await store.collect({ maxBytes, grace: NONE });
        const report = await store.collect({ maxBytes, grace: NONE, apply: true });
        expect(report.packs).toEqual(said.packs);
        const stays = await uris(store);
        const gone = new Set(report.packs.map(({ uri }) => uri));
        for (const [i, { isRemoved, isPinned }] of packs.entries()) {
          const uri = uriFor(`${i}`);
          expect(stays.includes(uri)).toBe((!isRemoved || isPinned) && !gone.has(uri));
          if (isPinned) expect(stays).toContain(uri);
          if (!stays.includes(uri)) continue;
          const to = join(dir, `to${i}`);
          await store.extract(uri, to);
          expect(filesOf(to)).toEqual(Object.keys(contents[i] ?? {}).sort());
          await store.tree(uri, { verify: true });
        }
        if (stays.some((uri) => !packs.some((p, i) => p.isPinned && uriFor(`${i}`) === uri))) {
          expect(report.sizeAfter).toBeLessThanOrEqual(maxBytes);
        }
        const again = await store.collect({ maxBytes: 1e12, grace: NONE });
        expect(again).toMatchObject({ packs: [], blobs: { count: 0 }, contents: { count: 0 } });
      },
    ),
    { numRuns: 15 },
  );
});

it("seeders and pullers lose nothing to a collector that spares only what is being made", async () => {
  const dir = workplace();
  const shared = noise(500_000, 9);
  const source = await storeWith(dir, {
    x: { shared, x: noise(200_000, 1) },
    y: { shared, y: noise(200_000, 2) },
  });
  const store = join(dir, "shared");
  const work = Array.from({ length: 6 }, (_, i) =>
    i % 2 === 0
      ? ["seed", join(dir, `out-${i % 4 === 0 ? "x" : "y"}`), text(i % 4 === 0 ? "x" : "y")]
      : ["admit", uriFor(i % 4 === 1 ? "x" : "y"), source.dir],
  );
  const collecting = drive([store, "collect", "0", "120"]);
  const ended = [];
  for (let round = 0; round < 3; round++) {
    ended.push(...(await Promise.all(work.map((args) => drive([store, ...args])))));
  }
  const collector = await collecting;
  expect([collector.code, collector.stderr]).toEqual([0, ""]);
  const failures = ended.filter(({ code }) => code !== 0).map(({ result }) => result);
  expect(failures).toEqual([]);
  const left = await openStore(store);
  for (const uri of await uris(left)) await left.tree(uri, { verify: true });
});

it("a collector that is killed leaves packs whole, and the next one finishes", async () => {
  const dir = workplace();
  const packs = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `p${i}`,
      { f: noise(120_000, i), g: noise(20_000, i % 5) },
    ]),
  );
  const store = await storeWith(dir, packs);
  for (const name of Object.keys(packs)) await store.tree(uriFor(name));
  ageAll(store, 30);
  for (let kill = 0; kill < 6; kill++) {
    const driver = drive(
      [store.dir, "collect", "3000000", "1"],
      ["timeout", "-s", "KILL", `0.${kill + 2}`],
    );
    await driver.catch(() => undefined);
    for (const uri of await uris(store))
      await store.extract(uri, join(dir, `to-${kill}-${uri.slice(-8)}`));
    ageAll(store, 30);
  }
  const done = await store.collect({ apply: true, maxBytes: 3_000_000, grace: NONE });
  expect(done.sizeAfter).toBeLessThanOrEqual(3_000_000);
  const again = await store.collect({ grace: NONE });
  expect(again).toMatchObject({
    packs: [],
    trees: [],
    blobs: { count: 0 },
    contents: { count: 0 },
  });
  const tmp = readdirSync(join(store.dir, "tmp")).filter((name) =>
    statSync(join(store.dir, "tmp", name)).isDirectory(),
  );
  expect(tmp.length).toBeLessThanOrEqual(1);
});

it.for(CLONING)(
  "on %s, where no content has links, it counts them all the same",
  async (kind, context) => {
    const dir = mountLoop(kind);
    if (dir === undefined) return context.skip();
    const shared = noise(4_000_000, 7);
    const store = await storeWith(dir, {
      a: { shared, own: noise(4_000_000, 3) },
      b: { shared, other: noise(1_000_000, 5) },
      c: { f: noise(4_000_000, 9) },
    });
    await store.tree(uriFor("a"));
    const newer = join(wrapperOf(await store.tree(uriFor("b"))), "made.json");
    ageAll(store, 30);
    setAge(newer, 20);
    setAge(recordOf(store, "c"), 40);
    const blobs = 13_000_000;
    const contents = 9_000_000;
    const { size } = await store.collect({ maxBytes: 1e9 });
    expect(size).toBeGreaterThan(blobs + contents);
    expect(size).toBeLessThan(blobs + contents + 500_000);

    // They stay as long as a folder has them, whatever their age.
    const kept = await store.collect({ maxBytes: 1e9, apply: true, grace: NONE });
    expect(kept).toMatchObject({ trees: [], packs: [], contents: { count: 0 } });
    expect(kept.sizeAfter).toBe(size);

    // The oldest folder is enough; no pack goes, and what both have stays.
    const room = await store.collect({ maxBytes: size - 3_000_000, apply: true, grace: NONE });
    expect(room).toMatchObject({ packs: [], contents: { count: 1, bytes: 4_000_000 } });
    expect(room.trees).toHaveLength(1);
    expect(room.sizeAfter).toBeLessThan(size - 3_000_000);
    expect(await uris(store)).toHaveLength(3);
    expect(contentsOf(store)).toHaveLength(2);

    // Folders first, and only then as many packs as there are too many.
    const packs = await store.collect({ maxBytes: blobs - 1_000_000, apply: true, grace: NONE });
    expect(packs.trees).toHaveLength(1);
    expect(names(packs)).toEqual(["c"]);
    expect(contentsOf(store)).toEqual([]);
    expect(packs.sizeAfter).toBeLessThanOrEqual(blobs - 1_000_000);
    expect(await uris(store)).toHaveLength(2);
  },
);

it.for(CLONING)(
  "on %s, a folder is counted whole when its contents are gone",
  async (kind, context) => {
    const dir = mountLoop(kind);
    if (dir === undefined) return context.skip();
    const store = await storeWith(dir, { a: { f: noise(4_000_000, 7), g: noise(1_000_000, 3) } });
    await store.tree(uriFor("a"));
    const { size } = await store.collect();
    clear(join(store.dir, "files"));
    expect((await store.collect()).size).toBe(size);
  },
);

/** Two packs of 400 kB, one of them also as a folder, which nobody has used for a month. */
async function oldStore(): Promise<{ readonly store: Store; readonly wrapper: string }> {
  const packs = { a: { f: noise(400_000, 1) }, b: { f: noise(400_000, 3) } };
  const store = await storeWith(workplace(), packs);
  const wrapper = wrapperOf(await store.tree(uriFor("a")));
  ageAll(store, 30);
  return { store, wrapper };
}

it("what a folder frees is counted before a pack goes for want of room", async () => {
  const { store, wrapper } = await oldStore();
  // What the marker does not say is not expected.
  const marker = JSON.parse(readFileSync(join(wrapper, "made.json"), "utf8"));
  writeFileSync(join(wrapper, "made.json"), JSON.stringify({ ...marker, shared: 0 }));
  setAge(join(wrapper, "made.json"), 30);
  const report = await store.collect({ maxBytes: 900_000, apply: true });
  expect(report.trees).toHaveLength(1);
  expect(report.packs).toEqual([]);
  expect(report.sizeAfter).toBeLessThan(900_000);
});

it("a folder that the disk refuses to remove is told, and makes no room that packs would have to make", async () => {
  const { store, wrapper } = await oldStore();
  setAge(recordOf(store, "a"), 40);
  const parts = partsOf(store.dir);
  onTestFinished(() => parts.database.close());
  const aside = (): string => {
    throw Object.assign(new Error("EPERM"), { code: "EPERM", syscall: "rename" });
  };
  Object.assign(parts.workspace, { aside });
  const report = await collect(parts, undefined, { apply: true, maxBytes: 900_000 });
  expect(report.refused).toEqual([wrapper]);
  expect(report.trees).toEqual([]);
  expect(names(report)).toEqual(["a"]);
  expect(report.sizeAfter).toBeLessThan(900_000);
  expect(await uris(store)).toEqual([uriFor("b")]);
});

it("a database that cannot forget for want of room ends no collection", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) } });
  ageAll(store, 30);
  const parts = partsOf(store.dir);
  onTestFinished(() => parts.database.close());
  const forget = async (): Promise<void> => {
    throw new CtxPackError("CTXPACK_E_NO_SPACE", "the disk is full");
  };
  Object.assign(parts.database, { forget });
  expect(names(await collect(parts, 0, { apply: true }))).toEqual(["a"]);
  expect(await uris(store)).toEqual([]);
  // What is no error of the disk is one of ours.
  Object.assign(parts.database, { forget: () => Promise.reject(new TypeError("ours")) });
  await expect(collect(parts, 0, { apply: true })).rejects.toThrow("ours");
});

it("what the database knows of what is gone goes, and its room with it", async () => {
  const dir = workplace();
  const store = await storeWith(dir, { a: { f: noise(300_000) }, b: { f: noise(300_000, 3) } });
  const wrapper = wrapperOf(await store.tree(uriFor("a")));
  await store.tree(uriFor("b"));
  const database = new Database(join(store.dir, "store.db"));
  onTestFinished(() => database.close());
  const digests = Array.from({ length: 2000 }, (_, i) => sha256(Buffer.from(`${i}`)));
  await database.remember(digests.map((raw) => ({ raw, blob: raw, size: 1 })));
  for (const tree of digests.slice(0, 3)) await database.settle(digests, tree);
  const { size } = statSync(join(store.dir, "store.db"));
  const before = await store.collect();
  clear(wrapper);
  const after = await store.collect({ apply: true });
  // With the content that only the folder had.
  const { size: left } = statSync(join(store.dir, "store.db"));
  expect(left).toBeLessThan(size / 10);
  expect(after.size - after.sizeAfter).toBe(size - left + 300_000);
  expect(before.size).toBeGreaterThan(2 * 600_000 + size);
  const rows = new DatabaseSync(join(store.dir, "store.db"), { readOnly: true });
  onTestFinished(() => rows.close());
  const [ofA, ofB] = [await segmentsOf(store, "a"), await segmentsOf(store, "b")];
  expect(rows.prepare("SELECT raw FROM home").all()).toEqual(ofB.map((raw) => ({ raw })));
  // And an index each.
  expect(rows.prepare("SELECT count(*) AS n FROM frame").get()).toEqual({
    n: ofA.length + 1 + ofB.length + 1,
  });
});

/** Not the shelves, which stay when they are empty. */
function contentsOf(store: Store): string[] {
  return filesOf(join(store.dir, "files")).filter((path) => path.length > 64);
}

async function segmentsOf(store: Store, name: string): Promise<string[]> {
  const { segments } = await store.index(uriFor(name));
  return segments.map(({ digest }) => digest).sort();
}

it("a database that was damaged goes a week after it was put aside", async () => {
  const store = await storeWith(workplace(), { a: { f: "a" } });
  const path = join(store.dir, "store.db.damaged");
  writeFileSync(path, noise(10_000));
  expect((await store.collect()).leftovers.count).toBe(0);
  const report = await store.collect({ apply: true, grace: { handedOutMs: -1 } });
  expect(report.leftovers).toEqual({ count: 1, bytes: 10_000 });
  expect(existsSync(path)).toBe(false);
});

function wrapperOf(path: string): string {
  return dirname(path);
}

function text(name: string): string {
  return Buffer.from(contractOf(name)).toString();
}
