import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { openStore, workplace } from "./fixture.ts";

const key = (digit: string): string => digit.repeat(64);

async function storeWithFile(content: string, mode = 0o644) {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const path = join(store.scratch().path, "out");
  writeFileSync(path, content);
  chmodSync(path, mode);
  return { dir, store, path };
}

it("a file becomes the result of its item, read-only and said by its name alone", async () => {
  const { dir, store, path } = await storeWithFile("text", 0o700);
  const kept = await store.results.keep(key("a"), path);
  const digest = sha256(Buffer.from("text"));
  expect(kept).toEqual({ key: key("a"), digest, size: 4, exec: true });
  expect(existsSync(path)).toBe(false);
  expect(lstatSync(store.results.path(kept)).mode & 0o777).toBe(0o555);
  // Another process finds it.
  const other = await openStore(join(dir, "store"));
  const found = await other.results.find(new Set([key("a"), key("b")]), undefined);
  expect([...found]).toEqual([[key("a"), kept]]);
  store.results.drop([kept]);
  expect((await other.results.find(new Set([key("a")]), undefined)).size).toBe(0);
});

it("a file that has another name stays as it is under that", async () => {
  const { dir, store, path } = await storeWithFile("mine");
  linkSync(path, join(dir, "mine"));
  const kept = await store.results.keep(key("a"), path);
  expect(lstatSync(join(dir, "mine")).mode & 0o777).toBe(0o644);
  writeFileSync(join(dir, "mine"), "else");
  expect(readFileSync(store.results.path(kept), "utf8")).toBe("mine");
});

it("a file nobody could read is one when it is kept; a link or a folder is none", async () => {
  const { store, path } = await storeWithFile("text", 0o000);
  expect(await store.results.keep(key("a"), path)).toMatchObject({ size: 4 });
  const { path: scratch } = store.scratch();
  symlinkSync("/etc/passwd", join(scratch, "link"));
  mkdirSync(join(scratch, "folder"));
  for (const name of ["link", "folder"]) {
    await expect(store.results.keep(key("b"), join(scratch, name))).rejects.toMatchObject({
      code: "CTXPACK_E_TREE",
    });
  }
});

it("one that is not what it was is none, and gone", async () => {
  const { store, path } = await storeWithFile("text");
  const kept = await store.results.keep(key("a"), path);
  chmodSync(store.results.path(kept), 0o644);
  // What a power cut leaves.
  writeFileSync(store.results.path(kept), "");
  expect((await store.results.find(new Set([key("a")]), undefined)).size).toBe(0);
  expect(existsSync(store.results.path(kept))).toBe(false);
});

it("is collected a month after it was used last", async () => {
  const { store, path } = await storeWithFile("text");
  const kept = await store.results.keep(key("a"), path);
  const age = (days: number): void => {
    const then = new Date(Date.now() - days * 86_400_000);
    utimesSync(store.results.path(kept), then, then);
  };
  age(29);
  expect((await store.collect({ apply: true, maxBytes: 0 })).leftovers.count).toBe(0);
  age(31);
  // Whoever looks for it uses it.
  await store.results.find(new Set([key("a")]), undefined);
  expect((await store.collect({ apply: true })).leftovers.count).toBe(0);
  age(31);
  expect((await store.collect({ apply: true })).leftovers).toEqual({ count: 1, bytes: 4 });
  expect(readdirSync(join(store.dir, "results", "aa"))).toEqual([]);
});
