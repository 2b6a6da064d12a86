// Another machine: a store of its own, and the pantry.
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError, type MapOptions } from "@ctxpack/client";
import { expect, test } from "vitest";
import { counts, look, open, put, runsOf, UPPER, workplace } from "./fixture.ts";

const DOCS = "docs/*.txt";
const NAMES = Array.from({ length: 30 }, (_, n) => `${String(n).padStart(2, "0")}.txt`);
const push: Partial<MapOptions> = { push: true };

/** A folder of documents that do not compress, mapped and pushed to `pantry`. */
async function pushed(options: MapOptions = UPPER): Promise<string> {
  const docs = NAMES.map((name) => [`docs/${name}`, randomBytes(100_000).toString("hex")]);
  const cwd = workplace(Object.fromEntries(docs));
  const ctx = await open(cwd, { pantries: ["oci:pantry"] });
  await ctx.map(DOCS, { ...options, ...push }).result();
  runsOf(cwd);
  return cwd;
}

const elsewhere = { cacheDir: "fresh", pantries: ["oci:pantry"] };

function blobsIn(cwd: string): string[] {
  const dir = join(cwd, "fresh/blobs/sha256");
  return existsSync(dir) ? readdirSync(dir) : [];
}

test("the same map is a hit there", async () => {
  const cwd = await pushed();
  rmSync(join(cwd, "out"), { recursive: true });
  const ctx = await open(cwd, elsewhere);
  const hit = await ctx.map(DOCS, UPPER).result();
  expect(hit).toMatchObject({ hit: true, source: "oci:pantry" });
  expect([counts(hit), runsOf(cwd)]).toEqual([[30, 30, 0, 0], 0]);
  expect(Object.keys(look(join(cwd, "out")))).toEqual(NAMES.map((name) => `${name}.up`));
  // And what comes after it begins with what was fetched.
  put(cwd, "docs/00.txt", "changed");
  expect(counts(await ctx.map(DOCS, UPPER).result())).toEqual([30, 29, 1, 0]);
  expect(runsOf(cwd)).toBe(1);
});

test("of other items only the index and the segments with what is missing are fetched", async () => {
  const cwd = await pushed();
  for (const name of NAMES.slice(2)) rmSync(join(cwd, "docs", name));
  put(cwd, "docs/new.txt", "new");
  const ctx = await open(cwd, elsewhere);
  const some = await ctx.map(DOCS, UPPER).result();
  expect([counts(some), runsOf(cwd)]).toEqual([[3, 2, 1, 0], 1]);
  expect(some.reused).toMatchObject([{ where: "oci:pantry", items: 2 }]);
  const all = readdirSync(join(cwd, "pantry/blobs/sha256"));
  const fetched = all.filter((name) => blobsIn(cwd).includes(name));
  // 30 files of 200 kB are a dozen segments and more: two files lie in two or three of them.
  expect(all.length).toBeGreaterThan(12);
  // Manifest, contract, index, segments.
  expect(fetched.length).toBeLessThanOrEqual(3 + 3);
  expect(Object.keys(look(some.output))).toEqual(["00.txt.up", "01.txt.up", "new.txt.up"]);
  const [reused] = some.reused;
  for await (const { uri, partial } of ctx.list()) expect(partial).toBe(uri === reused?.uri);
});

test("when nothing matches the index is all that is fetched", async () => {
  const cwd = await pushed();
  for (const name of NAMES) rmSync(join(cwd, "docs", name));
  put(cwd, "docs/new.txt", "new");
  const ctx = await open(cwd, elsewhere);
  expect(counts(await ctx.map(DOCS, UPPER).result())).toEqual([1, 0, 1, 0]);
  const all = readdirSync(join(cwd, "pantry/blobs/sha256"));
  expect(all.filter((name) => blobsIn(cwd).includes(name))).toHaveLength(1);
});

test("the policy comes first: what it refuses ends the map, or is computed", async () => {
  const cwd = await pushed();
  put(cwd, "docs/00.txt", "changed");
  let asked = 0;
  const accept = async (): Promise<void> => {
    asked += 1;
    expect(
      blobsIn(cwd).filter((name) => readdirSync(join(cwd, "pantry/blobs/sha256")).includes(name)),
    ).toEqual([]);
    throw new CtxPackError("CTXPACK_E_POLICY", "nobody vouches for it");
  };
  const ctx = await open(cwd, { ...elsewhere, accept });
  await expect(ctx.map(DOCS, UPPER).result()).rejects.toMatchObject({ code: "CTXPACK_E_POLICY" });
  // Of what is nearest too, before a word of it is read.
  expect(asked).toBeGreaterThan(0);
  expect(runsOf(cwd)).toBe(0);
  const computed = await ctx.map(DOCS, { ...UPPER, onUntrusted: "miss" }).result();
  expect([counts(computed), runsOf(cwd)]).toEqual([[30, 0, 30, 0], 30]);
});

test("a pantry that may not be read, or is not there, costs reuse and no more", async () => {
  const cwd = await pushed();
  put(cwd, "docs/00.txt", "changed");
  const aside = await open(cwd, elsewhere);
  const unread = await aside.map(DOCS, { ...UPPER, cache: { remote: "none" } }).result();
  expect(counts(unread)).toEqual([30, 0, 30, 0]);
  const gone = await open(cwd, { cacheDir: "third", pantries: ["oci:nowhere"] });
  expect(counts(await gone.map(DOCS, UPPER).result())).toEqual([30, 0, 30, 0]);
});

test("a family has a name of its own for those whose recipe differs where it does not count", async () => {
  const cwd = await pushed({ ...UPPER, family: "mine" });
  const ctx = await open(cwd, elsewhere);
  const moved = { ...UPPER, out: "b/{name}" };
  expect(counts(await ctx.map(DOCS, { ...moved, frozen: false, family: "mine" }).result())).toEqual(
    [30, 30, 0, 0],
  );
  expect(runsOf(cwd)).toBe(0);
});

test("the last pushed pack of a family is the one that is found", async () => {
  const cwd = await pushed();
  const first = await open(cwd, { pantries: ["oci:pantry"] });
  put(cwd, "docs/00.txt", "changed");
  await first.map(DOCS, { ...UPPER, ...push }).result();
  put(cwd, "docs/01.txt", "changed, too");
  runsOf(cwd);
  const ctx = await open(cwd, elsewhere);
  const after = await ctx.map(DOCS, UPPER).result();
  expect([counts(after), runsOf(cwd)]).toEqual([[30, 29, 1, 0], 1]);
});
