import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import {
  contractOf,
  folder,
  from,
  look,
  noise,
  openStore,
  sample,
  text,
  uriFor,
  workplace,
} from "./fixture.ts";
import { drive } from "./spawn.ts";

const content = { ...sample, big: noise(6_000_000) };
const contract = Buffer.from(contractOf("t")).toString();

it("four processes seed one output: one creates, all agree", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), content);
  const ended = await Promise.all(
    Array.from({ length: 4 }, () => drive([join(dir, "store"), "seed", out, contract])),
  );
  const results = ended.map((e) => e.result as { created: boolean; manifest: string });
  expect(ended.map((e) => [e.code, e.stderr])).toEqual(ended.map(() => [0, ""]));
  expect(results.filter((r) => r.created)).toHaveLength(1);
  expect(new Set(results.map((r) => r.manifest)).size).toBe(1);
  expect(readdirSync(join(dir, "store", "tmp"))).toEqual([]);
});

it("two processes seed two outputs of one contract: one wins, the other hears of it", async () => {
  const dir = workplace();
  const a = folder(join(dir, "a"), { ...content, x: "a" });
  const b = folder(join(dir, "b"), { ...content, x: "b" });
  const ended = await Promise.all(
    [a, b].map((out) => drive([join(dir, "store"), "seed", out, contract])),
  );
  expect(ended.map((e) => e.code).sort()).toEqual([0, 1]);
  const winner = ended[0]?.code === 0 ? "a" : "b";
  expect(ended.find((e) => e.code === 1)?.result).toMatchObject({
    code: "CTXPACK_E_CONFLICT",
    details: { paths: ["x"] },
  });
  const store = await openStore(join(dir, "store"));
  expect(await text(store.read(uriFor("t"), "x"))).toBe(winner);
});

it("four processes materialise one pack: one folder, whole", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), content), contractOf("t"));
  const ended = await Promise.all(
    Array.from({ length: 4 }, () => drive([store.dir, "tree", uriFor("t")])),
  );
  const path = await store.tree(uriFor("t"), { verify: true });
  expect(ended.map((e) => [e.code, e.result])).toEqual(ended.map(() => [0, path]));
  expect(look(path)).toEqual(look(join(dir, "out")));
  expect(readdirSync(store.dir)).not.toContain("quarantine");
});

it("removing a pack takes nothing from those who read it or have its folder", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), content), contractOf("t"));
  const path = await store.tree(uriFor("t"));
  const reading = store.read(uriFor("t"), "big")[Symbol.asyncIterator]();
  let size = (await reading.next()).value.length;
  expect((await drive([store.dir, "remove", uriFor("t")])).code).toBe(0);
  for (let step = await reading.next(); !step.done; step = await reading.next())
    size += step.value.length;
  expect(size).toBe(6_000_000);
  expect(look(path)).toEqual(look(join(dir, "out")));
  expect(await store.get(uriFor("t"))).toBeUndefined();
});

it("seeders, pullers and removers of one URI at once: every end is a clean one", async () => {
  const dir = workplace();
  const pantry = await openStore(join(dir, "pantry"));
  const out = folder(join(dir, "out"), content);
  await pantry.seed(out, contractOf("t"));
  const store = join(dir, "store");
  const jobs = [
    ["seed", out, contract],
    ["admit", uriFor("t"), pantry.dir],
    ["remove", uriFor("t")],
    ["seed", out, contract],
    ["tree", uriFor("t")],
    ["admit", uriFor("t"), pantry.dir],
  ];
  const ended = await Promise.all(jobs.map((job) => drive([store, ...job])));
  for (const e of ended) {
    if (e.code !== 0) expect(e.result).toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    expect(e.stderr).toBe("");
  }
  rmSync(out, { recursive: true });
  const after = await openStore(store);
  await after.admit(uriFor("t"), await from(pantry, uriFor("t")));
  expect(Object.keys(look(await after.tree(uriFor("t"), { verify: true })))).toHaveLength(7);
});

it("a store that is checked and repaired while processes seed, pull, remove, collect and materialise: nothing is damaged", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), { ...sample, big: noise(3_000_000) });
  const pantry = await openStore(join(dir, "pantry"));
  await pantry.seed(out, contractOf("t"));
  const store = await openStore(join(dir, "store"));
  const contractFor = (tool: string): string => Buffer.from(contractOf(tool)).toString();
  let isBusy = true;
  const work = async (): Promise<void> => {
    for (const round of [1, 2, 3]) {
      await Promise.all([
        drive([store.dir, "seed", out, contractFor(`seed${round}`)]),
        drive([store.dir, "admit", uriFor("t"), pantry.dir]),
        drive([store.dir, "tree", uriFor("t")]),
      ]);
      await Promise.all([
        drive([store.dir, "collect", "0", "20"]),
        drive([store.dir, "remove", uriFor("t")]),
        drive([store.dir, "tree", uriFor(`seed${round}`)]),
        drive([store.dir, "seed", out, contractFor(`seed${round}`)]),
      ]);
    }
    isBusy = false;
  };
  const check = async (): Promise<number> => {
    let count = 0;
    while (isBusy) {
      const { clean, damages } = await store.check({
        deep: count % 2 === 0,
        repair: count % 3 > 0,
      });
      expect(damages.filter(({ severity }) => severity === "damage")).toEqual([]);
      expect(clean).toBe(true);
      count += 1;
      // A store that was just emptied is looked at in no time: the others must be heard too.
      await pause(5);
    }
    return count;
  };
  const [, count] = await Promise.all([work(), check()]);
  expect(count).toBeGreaterThan(3);
  expect(await store.check({ deep: true })).toMatchObject({ clean: true });
  expect(existsSync(join(store.dir, "quarantine")), "something was taken for damaged").toBe(false);
});
