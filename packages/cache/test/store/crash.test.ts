import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { Store } from "../../src/index.ts";
import {
  contractOf,
  folder,
  from,
  look,
  noise,
  openStore,
  sample,
  uriFor,
  workplace,
} from "./fixture.ts";
import { drive } from "./spawn.ts";

const content = { ...sample, big: noise(4_000_000), "z/last": "end" };
const contract = Buffer.from(contractOf("t")).toString();

/** After a kill: every blob is whole, and the pack is either not visible or complete. */
async function expectSound(dir: string): Promise<void> {
  for (const hex of readdirSync(join(dir, "blobs/sha256"))) {
    expect(sha256(readFileSync(join(dir, "blobs/sha256", hex)))).toBe(`sha256:${hex}`);
  }
  await using store = await Store.open(dir, { readOnly: true });
  if ((await store.get(uriFor("t"))) === undefined) return;
  const index = await store.index(uriFor("t"));
  for (const entry of index.entries()) {
    if (!("digest" in entry)) continue;
    for await (const _ of store.read(uriFor("t"), entry.path));
  }
}

/** Instants, as `phase:n`: the n-th report of a phase. */
const seeding = [
  "hash:1",
  "hash:12",
  "blob:1",
  "blob:2",
  "blob:9",
  "manifest:1",
  "manifest:2",
  "publish:1",
  "publish:2",
];
const making = ["unpack:1", "unpack:4", "unpack:6", "publish:1", "publish:2"];
const pulling = [
  "blob:1",
  "blob:5",
  "manifest:1",
  "manifest:2",
  "unpack:1",
  "unpack:5",
  "publish:1",
  "publish:2",
  "publish:3",
  "publish:4",
];

it.each(seeding)("kill -9 while seeding, at %s", async (instant) => {
  const dir = workplace();
  const out = folder(join(dir, "out"), content);
  const killed = await drive([join(dir, "store"), "seed", out, contract, "--kill", instant]);
  expect(killed).toMatchObject({ signal: "SIGKILL", result: "ready" });
  await expectSound(join(dir, "store"));

  const store = await openStore(join(dir, "store"));
  await store.seed(out, contractOf("t"));
  await expectCleared(store);
  expect(look(await store.tree(uriFor("t"), { verify: true }))).toEqual(look(out));
});

it.each(making)("kill -9 while materialising, at %s", async (instant) => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), content), contractOf("t"));
  await store[Symbol.asyncDispose]();
  const killed = await drive([store.dir, "tree", uriFor("t"), "--kill", instant]);
  expect(killed).toMatchObject({ signal: "SIGKILL", result: "ready" });
  await expectSound(store.dir);

  const next = await openStore(store.dir);
  expect(look(await next.tree(uriFor("t")))).toEqual(look(join(dir, "out")));
  expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
  // A hit writes nothing; whoever writes next clears.
  await next.seed(join(dir, "out"), contractOf("t"));
  await expectCleared(next);
});

it.each(pulling)("kill -9 while pulling, at %s", async (instant) => {
  const dir = workplace();
  const pantry = await openStore(join(dir, "pantry"));
  await pantry.seed(folder(join(dir, "out"), content), contractOf("t"));
  const killed = await drive([
    join(dir, "store"),
    "admit",
    uriFor("t"),
    pantry.dir,
    "--kill",
    instant,
  ]);
  expect(killed).toMatchObject({ signal: "SIGKILL", result: "ready" });
  await expectSound(join(dir, "store"));

  const store = await openStore(join(dir, "store"));
  await store.admit(uriFor("t"), await from(pantry, uriFor("t")));
  await expectCleared(store);
  expect(look(await store.tree(uriFor("t"), { verify: true }))).toEqual(look(join(dir, "out")));
});

it.each(["unpack:2", "publish:1"])("kill -9 while extracting, at %s", async (instant) => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), content), contractOf("t"));
  const to = join(dir, "to");
  const killed = await drive([store.dir, "extract", uriFor("t"), to, "--kill", instant]);
  expect(killed.signal).toBe("SIGKILL");
  expect(existsSync(to)).toBe(false);
  await store.extract(uriFor("t"), to);
  expect(look(to)).toEqual(look(join(dir, "out")));
  expect(readdirSync(dir).sort()).toEqual(["out", "store", "to"]);
});

it.each(["hash:1", "unpack:1", "unpack:5", "publish:1", "publish:2"])(
  "kill -9 while repairing, at %s",
  async (instant) => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), content), contractOf("t"));
    const path = await store.tree(uriFor("t"));
    await store[Symbol.asyncDispose]();
    chmodSync(path, 0o755);
    rmSync(join(path, "a.txt"));
    const killed = await drive([store.dir, "repair", "--kill", instant]);
    expect(killed).toMatchObject({ signal: "SIGKILL", result: "ready" });
    await expectSound(store.dir);

    const next = await openStore(store.dir);
    expect(await next.check({ deep: true, repair: true })).toMatchObject({ clean: true, lost: [] });
    expect((await next.check({ deep: true })).damages).toEqual([]);
    await expectCleared(next);
    expect(look(await next.tree(uriFor("t"), { verify: true }))).toEqual(look(join(dir, "out")));
  },
);

/** What the killed process was doing is gone: only our own, empty folder may be there. */
async function expectCleared(store: Store): Promise<void> {
  const temporary = join(store.dir, "tmp");
  if (!existsSync(temporary)) return;
  expect(readdirSync(temporary).flatMap((owner) => readdirSync(join(temporary, owner)))).toEqual(
    [],
  );
  expect(readdirSync(temporary).length).toBeLessThan(2);
}
