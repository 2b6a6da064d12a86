import { spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Claim, Claimant, Store } from "../../src/index.ts";
import { ownerName, parseOwner } from "../../src/store/owner.ts";
import { openFiles, openStore, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");

async function claimed(store: Store): Promise<Claim> {
  const found: Claim | Claimant = await store.claim(uri);
  if (!found.held) throw new Error(`held by ${found.pid}`);
  return found;
}

function claimFile(store: Store): string {
  return join(store.dir, "claims", uri.slice(-64));
}

/** Rewrites a claim as that of another process. */
function giveTo(store: Store, owner: string): void {
  const [first = "", ...notes] = readFileSync(claimFile(store), "utf8").split("\n");
  const claim = JSON.parse(first);
  writeFileSync(claimFile(store), [JSON.stringify({ ...claim, owner }), ...notes].join("\n"));
}

/** The name of a process of ours that is gone. */
async function deadOwner(): Promise<string> {
  const child = spawn("true");
  await new Promise((resolve) => child.once("exit", resolve));
  const { boot, space } = parseOwner(ownerName()) ?? {};
  return `${boot}.${space}.${child.pid}.1.00000000`;
}

it("one has it at a time, also within a process, until it is given up", async () => {
  const dir = workplace();
  const store = await openStore(dir);
  const other = await openStore(dir);
  const first = await claimed(store);
  expect(await other.claim(uri)).toEqual({ held: false, pid: process.pid });
  expect(await store.claim(uri)).toEqual({ held: false, pid: process.pid });
  expect((await other.claim(uriFor("u"))).held).toBe(true);
  await first.release();
  expect(existsSync(claimFile(store))).toBe(false);
  const second = await claimed(other);
  expect(first.isHeld()).toBe(false);
  await first.release();
  expect(second.isHeld()).toBe(true);
});

it("of many at the same instant one gets it", async () => {
  const dir = workplace();
  const stores = await Promise.all(Array.from({ length: 20 }, () => openStore(dir)));
  const all = await Promise.all(stores.map((store) => store.claim(uri)));
  expect(all.filter(({ held }) => held)).toHaveLength(1);
});

it("of a process that is gone it is taken over, with the groups it has left, until they are ended", async () => {
  const store = await openStore(workplace());
  const group = { pid: 4_000_000, start: "17" };
  (await claimed(store)).record(group);
  giveTo(store, await deadOwner());
  const second = await claimed(store);
  expect(second.abandoned).toEqual([group]);
  // Killed before it has ended them: the next one is told as well.
  giveTo(store, await deadOwner());
  const third = await claimed(store);
  expect(third.abandoned).toEqual([group]);
  third.record({ pid: 4_000_001, start: "18" });
  giveTo(store, await deadOwner());
  expect((await claimed(store)).abandoned).toEqual([{ pid: 4_000_001, start: "18" }]);
});

it("of another machine it is taken over after an hour of silence, and its groups are nobody here", async () => {
  const store = await openStore(workplace());
  (await claimed(store)).record({ pid: 4_000_000, start: "17" });
  giveTo(store, "12345678.1.77.1.00000000");
  expect(await store.claim(uri)).toEqual({ held: false, pid: 77 });
  utimesSync(claimFile(store), 0, 0);
  expect((await claimed(store)).abandoned).toEqual([]);
});

it("one that was taken over says so, and writes no more", async () => {
  const store = await openStore(workplace());
  const lost = await claimed(store);
  giveTo(store, await deadOwner());
  const winner = await claimed(store);
  lost.record({ pid: 4_000_000, start: "17" });
  await lost.release();
  expect(lost.isHeld()).toBe(false);
  expect(winner.isHeld()).toBe(true);
});

it.each(["", "{", "[]", '{"schema":"ctxpack.claim/v1"}', '{"owner":"x","groups":[]}'])(
  "a file that is no claim is nobody's: %j",
  async (text) => {
    const store = await openStore(workplace());
    await (await claimed(store)).release();
    writeFileSync(claimFile(store), text);
    expect((await claimed(store)).abandoned).toEqual([]);
  },
);

it("numbers that would mean more than one group are never handed out", async () => {
  const store = await openStore(workplace());
  (await claimed(store)).record({ pid: 4_000_000, start: "17" });
  const [first = ""] = readFileSync(claimFile(store), "utf8").split("\n");
  const claim = JSON.parse(first);
  const groups = [0, 1, -1, 1.5, "7", null].map((pid) => ({ pid, start: "1" }));
  writeFileSync(claimFile(store), JSON.stringify({ ...claim, owner: await deadOwner(), groups }));
  expect((await claimed(store)).abandoned).toEqual([]);
});

it("of many groups that were noted those of the last whole note count", async () => {
  const store = await openStore(workplace());
  const first = await claimed(store);
  const group = (pid: number) => ({ pid, start: "17" });
  for (let pid = 4_000_000; pid < 4_000_100; pid++) first.record(group(pid), group(pid + 1));
  giveTo(store, await deadOwner());
  // Killed in the middle of the next one.
  appendFileSync(claimFile(store), '\n{"groups":[{"pid":4000200,"sta');
  expect((await claimed(store)).abandoned).toEqual([group(4_000_099), group(4_000_100)]);
});

it("a note that a full disk has cut short spoils neither the one before it nor the next", async () => {
  const store = await openStore(workplace());
  const first = await claimed(store);
  first.record({ pid: 4_000_000, start: "17" });
  appendFileSync(claimFile(store), '\n{"groups":[{"pid":4000200,"sta');
  expect(first.isHeld()).toBe(true);
  first.record({ pid: 4_000_001, start: "18" });
  giveTo(store, await deadOwner());
  expect((await claimed(store)).abandoned).toEqual([{ pid: 4_000_001, start: "18" }]);
});

it("notes do not make a file that only grows, and are of whoever has the claim", async () => {
  const store = await openStore(workplace());
  const first = await claimed(store);
  let most = 0;
  for (let i = 0; i < 3000; i++) {
    first.record({ pid: 4_000_000 + i, start: "17" });
    most = Math.max(most, statSync(claimFile(store)).size);
  }
  expect(most).toBeGreaterThan(60_000);
  expect(most).toBeLessThan(70_000);
  expect(first.isHeld()).toBe(true);
  giveTo(store, await deadOwner());
  const second = await claimed(store);
  expect(second.abandoned).toEqual([{ pid: 4_002_999, start: "17" }]);
  first.record({ pid: 4_000_000, start: "17" });
  giveTo(store, await deadOwner());
  expect((await claimed(store)).abandoned).toEqual([{ pid: 4_002_999, start: "17" }]);
});

it("a claim that was put back, as a restore does, is noted in all the same; nothing stays open", async () => {
  const store = await openStore(workplace());
  const first = await claimed(store);
  first.record({ pid: 4_000_000, start: "17" });
  copyFileSync(claimFile(store), `${claimFile(store)}.copy`);
  renameSync(`${claimFile(store)}.copy`, claimFile(store));
  first.record({ pid: 4_000_001, start: "18" });
  expect(readFileSync(claimFile(store), "utf8")).toContain("4000001");
  const releasing = first.release();
  first.record({ pid: 4_000_002, start: "19" });
  await releasing;
  expect(openFiles(store.dir).filter((path) => !path.includes("store.db"))).toEqual([]);
});
