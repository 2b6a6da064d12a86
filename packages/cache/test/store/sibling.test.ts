import { chmodSync, lstatSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "@ctxpack/cache";
import { expect, it } from "vitest";
import { contractOf, folder, look, noise, openStore, uriFor, workplace } from "./fixture.ts";

/** Files too small for the pool: a version, and the next one with one of them changed. */
function version(count: number, changed?: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, i) => `d${i % 7}/${`${i}`.padStart(4, "0")}`);
  return Object.fromEntries(
    names.map((name, i) => [
      name,
      `${noise(1500, i * 2 + 1).toString("hex")}${i === changed ? "!" : "."}`,
    ]),
  );
}

async function treeOf(store: Store, dir: string, name: string, files: Record<string, string>) {
  await store.seed(folder(join(dir, name), files), contractOf(name));
  return store.tree(uriFor(name));
}

/** Files that are the same one in both folders. */
function shared(a: string, b: string): number {
  const inos = (root: string): Set<number> =>
    new Set(
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(join(entry.parentPath, entry.name)).ino),
    );
  const first = inos(a);
  return [...inos(b)].filter((ino) => first.has(ino)).length;
}

it("a version that shares most small files with an earlier one shares them on disk", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const a = await treeOf(store, dir, "a", version(1200));
  const b = await treeOf(store, dir, "b", version(1200, 600));
  expect(look(b)).toEqual(look(join(dir, "b")));
  // All but those in the segments around the change; where blocks are shared the files are two.
  const probe = lstatSync(join(a, "d0/0000")).nlink;
  if (probe === 1) console.warn("skipped: this file system shares blocks, not files");
  else expect(shared(a, b)).toBeGreaterThan(900);
});

it("nothing damaged is taken over, and what lends is left as it is", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const a = await treeOf(store, dir, "a", version(1200));
  const victim = join(a, "d3/0003");
  const stat = statSync(victim);
  chmodSync(victim, 0o644);
  writeFileSync(victim, "x".repeat(stat.size));
  chmodSync(victim, 0o444);
  const b = await treeOf(store, dir, "b", version(1200, 1100));
  expect(look(b)).toEqual(look(join(dir, "b")));
  await store.tree(uriFor("b"), { verify: true });
});

it("a folder that is gone lends nothing", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await treeOf(store, dir, "a", version(1200));
  await store.remove(uriFor("a"));
  await store.collect({ apply: true, grace: { handedOutMs: -1, unnamedMs: -1, usedMs: -1 } });
  const b = await treeOf(store, dir, "b", version(1200, 1));
  expect(look(b)).toEqual(look(join(dir, "b")));
  expect(lstatSync(join(b, "d0/0000")).nlink).toBe(1);
});
