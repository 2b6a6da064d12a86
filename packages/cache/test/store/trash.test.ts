import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { folder, look, openStore, sample, sampleSeen, workplace } from "./fixture.ts";

it("moves a folder, a file or a link away, and puts it back as it was", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  folder(join(dir, "out"), sample);
  writeFileSync(join(dir, "file"), "text");
  symlinkSync("out", join(dir, "link"));
  for (const name of ["out", "file", "link"]) {
    const path = join(dir, name);
    const { ino } = lstatSync(path);
    const moved = await store.displace(path);
    expect(existsSync(path)).toBe(false);
    expect(lstatSync(moved?.path ?? "").ino).toBe(ino);
    expect(readFileSync(join(dirname(moved?.path ?? ""), "path"), "utf8")).toBe(`${path}\n`);
    expect(moved?.from).toBe(path);
    await moved?.restore();
    expect(lstatSync(path).ino).toBe(ino);
  }
  expect(look(join(dir, "out"))).toEqual(sampleSeen);
  expect(readdirSync(join(store.dir, "trash"))).toEqual([]);
  expect(await store.displace(join(dir, "nothing"))).toBeUndefined();
});

it("does not put it back over something else", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  writeFileSync(join(dir, "file"), "mine");
  const moved = await store.displace(join(dir, "file"));
  writeFileSync(join(dir, "file"), "theirs");
  await expect(moved?.restore()).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  expect(readFileSync(moved?.path ?? "", "utf8")).toBe("mine");
  expect(readFileSync(join(dir, "file"), "utf8")).toBe("theirs");
});

it("copies from another file system, and back", async (context) => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const other = join(dir, "other");
  mkdirSync(other);
  if (spawnSync("mount", ["-t", "tmpfs", "tmpfs", other]).status !== 0) {
    console.warn("skipped: needs the right to mount a tmpfs");
    context.skip();
  }
  onTestFinished(() => void spawnSync("umount", [other]));
  folder(join(other, "out"), sample);
  const moved = await store.displace(join(other, "out"));
  expect(readdirSync(other)).toEqual([]);
  expect(look(moved?.path ?? "")).toEqual(sampleSeen);
  expect(lstatSync(join(moved?.path ?? "", "bin/run")).mode & 0o111).toBe(0o111);
  await moved?.restore();
  expect(look(join(other, "out"))).toEqual(sampleSeen);
  // A folder that something is mounted at stays, and so does what is in it.
  await expect(store.displace(other)).rejects.toMatchObject({ code: "CTXPACK_E_UNSUPPORTED" });
  expect(look(join(other, "out"))).toEqual(sampleSeen);
});

it("is kept for a day, then collected; fsck knows it", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  folder(join(dir, "out"), sample);
  // A name that is no UTF-8, as only the user's own things have.
  writeFileSync(Buffer.concat([Buffer.from(`${join(dir, "out")}/`), Buffer.from([0xff])]), "x");
  await store.displace(join(dir, "out"));
  expect((await store.collect({ apply: true })).leftovers.count).toBe(0);
  expect((await store.check()).damages).toEqual([]);
  expect((await store.collect({ apply: true, grace: { trashMs: -1 } })).leftovers.count).toBe(1);
  expect(readdirSync(join(store.dir, "trash"))).toEqual([]);
});
