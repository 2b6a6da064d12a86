import { spawn } from "node:child_process";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Claim, Claimant, Store } from "../../src/index.ts";
import { ownerName, parseOwner } from "../../src/store/owner.ts";
import { openStore, uriFor, workplace } from "./fixture.ts";

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
  const claim = JSON.parse(readFileSync(claimFile(store), "utf8"));
  writeFileSync(claimFile(store), JSON.stringify({ ...claim, owner }));
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
  const claim = JSON.parse(readFileSync(claimFile(store), "utf8"));
  const groups = [0, 1, -1, 1.5, "7", null].map((pid) => ({ pid, start: "1" }));
  writeFileSync(claimFile(store), JSON.stringify({ ...claim, owner: await deadOwner(), groups }));
  expect((await claimed(store)).abandoned).toEqual([]);
});
