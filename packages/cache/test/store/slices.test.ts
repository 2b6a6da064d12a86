// What may be much is done in steps, and others run in between. A clock on which every step takes 20 ms makes that
// countable.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { takeCensus } from "../../src/store/collect/census.ts";
import { makePlan } from "../../src/store/collect/plan.ts";
import { remove } from "../../src/store/collect/remove.ts";
import { ownerName } from "../../src/store/owner.ts";
import type { Parts } from "../../src/store/parts.ts";
import { partsOf, workplace } from "./fixture.ts";

const COUNT = 300;
const rules = {
  nowMs: Date.now() + 3_600_000,
  budget: 0,
  busySinceMs: Number.POSITIVE_INFINITY,
  grace: { handedOutMs: 0, usedMs: 0, listingMs: 0, trashMs: 0, resultMs: 0, unnamedMs: 0 },
};

let parts: Parts;
beforeEach(() => {
  parts = partsOf(workplace());
  let clock = 0;
  const now = vi.spyOn(performance, "now").mockImplementation(() => {
    clock += 20;
    return clock;
  });
  onTestFinished(() => {
    now.mockRestore();
    parts.workspace.close();
    parts.database.close();
  });
});

/** How often the event loop turned until `work` was done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const tick = (): void => {
    turns += 1;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  await work;
  isDone = true;
  return turns;
}

function fill(dir: string): string {
  mkdirSync(dir, { recursive: true });
  for (let i = 0; i < COUNT; i++)
    writeFileSync(join(dir, sha256(Buffer.from(`${i}`)).slice(7)), "");
  return dir;
}

describe("the event loop turns while", () => {
  it("what a killed process has left is cleared", async () => {
    const dead = ownerName().replace(/\.\d+\.\d+\.(\w+)$/, ".999999999.1.$1");
    fill(join(parts.places.temporary, dead, "1/files"));
    expect(await turnsDuring(parts.workspace.reap())).toBeGreaterThan(COUNT);
    expect(readdirSync(parts.places.temporary)).toEqual([]);
  });

  it("a folder is removed", async () => {
    const tree = sha256(Buffer.from("tree"));
    const path = parts.places.tree(tree);
    fill(join(path, "files"));
    const { trees } = await takeCensus(parts, undefined);
    expect(trees).toMatchObject([{ path, tree }]);
    const plan = {
      packs: [],
      trees: trees.map((one) => ({ tree: one, reason: "" })),
      orphans: [],
      blobs: [],
      contents: [],
      leftovers: [],
    };
    expect(await turnsDuring(remove(parts, plan, {}))).toBeGreaterThan(COUNT);
    expect(readdirSync(join(path, ".."))).toEqual([]);
  });

  it("what was put aside is weighed and removed", async () => {
    fill(join(parts.places.quarantine, "tree/files"));
    const counting = takeCensus(parts, undefined);
    expect(await turnsDuring(counting)).toBeGreaterThan(COUNT);
    const plan = await makePlan(parts.places, await counting, rules);
    expect(plan.leftovers).toHaveLength(1);
    expect(await turnsDuring(remove(parts, plan, {}))).toBeGreaterThan(COUNT);
    expect(readdirSync(parts.places.quarantine)).toEqual([]);
  });

  it("it is decided what goes, and blobs are removed", async () => {
    fill(parts.places.blobs);
    const planning = makePlan(parts.places, await takeCensus(parts, undefined), rules);
    expect(await turnsDuring(planning)).toBeGreaterThan(COUNT / 2);
    const plan = await planning;
    expect(plan.orphans).toHaveLength(COUNT);
    // In turns of the lock, each of which takes many.
    expect(await turnsDuring(remove(parts, plan, {}))).toBeGreaterThan(4);
    expect(readdirSync(parts.places.blobs)).toEqual([]);
  });
});
