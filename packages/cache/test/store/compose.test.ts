import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ComposedFile, Store } from "../../src/index.ts";
import { type FileEntry, isFileEntry } from "../../src/pack/index.ts";
import { contractOf, folder, look, noise, openStore, text, uriFor, workplace } from "./fixture.ts";

const keyOf = (path: string): string => sha256(Buffer.from(path)).slice("sha256:".length);

/** A result of an item, as a map makes it. */
async function made(
  store: Store,
  path: string,
  content: string | Uint8Array,
): Promise<ComposedFile> {
  using scratch = store.scratch();
  writeFileSync(join(scratch.path, "out"), content);
  return { ...(await store.results.keep(keyOf(path), join(scratch.path, "out"))), path };
}

async function filesOf(store: Store, tool: string): Promise<ComposedFile[]> {
  const uri = uriFor(tool);
  const entries = [...(await store.index(uri)).entries()];
  return entries.flatMap((entry, row) =>
    isFileEntry(entry)
      ? [{ ...entry, key: keyOf(entry.path), from: { uri, row } } as ComposedFile]
      : [],
  );
}

it("is the pack that the folder would be, with keys", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const content = { "a/1": "one", "a/2": noise(700_000, 3), b: "", "c/d/e": "deep" };
  const files = await Promise.all(
    Object.entries(content).map(([path, bytes]) => made(store, path, bytes)),
  );
  const composed = await store.compose(contractOf("composed"), files.reverse());
  const seeded = await store.seed(folder(join(dir, "out"), content), contractOf("seeded"));
  expect(composed.record.tree).toBe(seeded.record.tree);
  const [a, b] = [await store.index(uriFor("composed")), await store.index(uriFor("seeded"))];
  expect(a.segments).toEqual(b.segments);
  const keys = [...a.entries()].map((entry) => [entry.path, (entry as FileEntry).key]);
  expect(keys).toEqual(Object.keys(content).map((path) => [path, keyOf(path)]));
  expect(look(await store.tree(uriFor("composed")))).toEqual(look(join(dir, "out")));
});

it("uses the blobs of the pack it comes from, and writes what changed", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const names = Array.from({ length: 40 }, (_, n) => `f${String(n).padStart(2, "0")}`);
  const content = Object.fromEntries(names.map((name, n) => [name, noise(200_000, n + 1)]));
  const first = await Promise.all(names.map((name) => made(store, name, content[name] as Buffer)));
  const before = await store.compose(contractOf("one"), first, { families: ["f"] });
  store.results.drop(first);
  const files = (await filesOf(store, "one")).filter(({ path }) => path !== "f30");
  const changed = await made(store, "f20", "changed");
  const second = files.map((file) => (file.path === "f20" ? changed : file));
  const { segments, record } = await store.compose(contractOf("two"), second);
  expect(segments.total).toBeGreaterThan(10);
  expect(segments.new).toBeLessThanOrEqual(4);
  expect(before.segments.new).toBe(before.segments.total);
  // The same bytes as if it had been made from nothing.
  const { f30: _, ...rest }: Record<string, Buffer> = { ...content, f20: Buffer.from("changed") };
  const seeded = await store.seed(folder(join(dir, "out"), rest), contractOf("seeded"));
  expect(record.tree).toBe(seeded.record.tree);
  expect((await store.index(uriFor("two"))).segments).toEqual(
    (await store.index(uriFor("seeded"))).segments,
  );
  expect(await text(store.read(uriFor("two"), "f20"))).toBe("changed");
});

it("any mixture of packs and results is what the folder would be", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  let n = 0;
  const files = fc.dictionary(
    fc.constantFrom("a", "b", "c/d", "c/e", "f", "g"),
    fc.integer({ min: 0, max: 5 }),
  );
  const bytes = (seed: number): Buffer => noise(seed * 90_000, seed + 1);
  await fc.assert(
    fc.asyncProperty(files, files, fc.boolean(), async (old, now, swaps) => {
      n += 1;
      const layOut = (name: string, of: Record<string, number>) =>
        folder(
          join(dir, name),
          Object.fromEntries(Object.entries(of).map(([p, s]) => [p, bytes(s)])),
        );
      await store.seed(layOut(`old${n}`, old), contractOf(`old${n}`));
      const known = await filesOf(store, `old${n}`);
      const composed = await Promise.all(
        Object.entries(now).map(async ([path, seed]): Promise<ComposedFile> => {
          // With `swaps` the content comes from wherever it is, under another path.
          const digest = sha256(bytes(seed));
          const there = known.find((one) => one.digest === digest && (swaps || one.path === path));
          if (there !== undefined) return { ...there, key: keyOf(path), path };
          return await made(store, path, bytes(seed));
        }),
      );
      const { record } = await store.compose(contractOf(`new${n}`), composed);
      const seeded = await store.seed(layOut(`new${n}`, now), contractOf(`as${n}`));
      expect(record.tree).toBe(seeded.record.tree);
    }),
    { numRuns: 25 },
  );
}, 120_000);

it("a result that rotted is found, and makes no pack", async () => {
  const store = await openStore(join(workplace(), "store"));
  const file = await made(store, "a", "right");
  chmodSync(store.results.path(file), 0o644);
  writeFileSync(store.results.path(file), "wrong");
  await expect(store.compose(contractOf("t"), [file])).rejects.toMatchObject({
    code: "CTXPACK_E_STORE_DAMAGED",
    details: { path: "a" },
  });
  expect(await store.get(uriFor("t"))).toBeUndefined();
});

it("so is a segment of a pack", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), { a: "a", b: noise(900_000) }), contractOf("old"));
  const files = (await filesOf(store, "old")).filter(({ path }) => path === "b");
  for (const name of readdirSync(join(store.dir, "blobs/sha256"))) {
    const path = join(store.dir, "blobs/sha256", name);
    const content = readFileSync(path);
    if (content.length < 100_000) continue;
    content[50_000] = ~(content[50_000] ?? 0);
    rmSync(path);
    writeFileSync(path, content);
  }
  await expect(store.compose(contractOf("new"), files)).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
});

it("remembers the last four packs of a family, the last one first", async () => {
  const store = await openStore(join(workplace(), "store"));
  for (const tool of ["1", "2", "3", "4", "5"]) {
    await store.compose(contractOf(tool), [await made(store, "a", tool)], { families: ["f", "g"] });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await store.joinFamily("f", uriFor("3"));
  expect(await store.family("f")).toEqual(["3", "5", "4", "2"].map((tool) => uriFor(tool)));
  expect(await store.family("g")).toEqual(["5", "4", "3", "2"].map((tool) => uriFor(tool)));
  expect(await store.family("h")).toEqual([]);
});
