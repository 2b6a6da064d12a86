// A disk that is full after so and so many bytes: every stage of seed, pull, tree and repair meets its end.
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Store } from "../../src/index.ts";
import { clear } from "../../src/store/clear.ts";
import { Database } from "../../src/store/database.ts";
import { databaseError } from "../../src/store/database-error.ts";
import {
  contractOf,
  filesOf,
  folder,
  from,
  look,
  noise,
  openFiles,
  openStore,
  sample,
  uriFor,
  workplace,
} from "./fixture.ts";
import { drive } from "./spawn.ts";

const MB = 1 << 20;
const DISK = 160 * MB;
const content = {
  ...sample,
  "noise/a": noise(900_000, 3),
  "noise/b": noise(700_000, 5),
  text: "compresses well ".repeat(100_000),
};
const uri = uriFor("t");

let disk: string | undefined;

beforeAll(() => {
  const dir = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK}`, "tmpfs", dir], { stdio: "ignore" });
    disk = dir;
  } catch {
    rmSync(dir, { recursive: true });
    console.warn("skipped: needs the right to mount a tmpfs");
  }
});

afterAll(() => {
  if (disk === undefined) return;
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

/** Fills the disk until no more than `free` bytes can be written; returns what makes room again. */
function fill(dir: string, free: number): () => void {
  const { bavail, bsize } = statfsSync(dir);
  const ballast = join(dir, "ballast");
  writeFileSync(ballast, "");
  for (let left = bavail * bsize - free; left > 0; left -= MB) {
    appendFileSync(ballast, new Uint8Array(Math.min(left, MB)));
  }
  return () => rmSync(ballast);
}

/** What lies in the workspaces of live processes, and open files: both must be none after a failure. */
function unfinished(store: string, dir: string): string[] {
  const tmp = join(store, "tmp");
  let owners: string[] = [];
  try {
    owners = readdirSync(tmp);
  } catch {
    // No workspace was made.
  }
  const left = owners.flatMap((owner) => readdirSync(join(tmp, owner)));
  return [...left, ...openFiles(dir).filter((path) => !path.includes("store.db"))];
}

/**
 * Does `work` with `free` bytes left on the disk. It succeeds, or fails for want of space and leaves nothing half-made;
 * with room it then succeeds. Returns whether it failed.
 */
async function meetsFullDisk(
  dir: string,
  free: number,
  work: (store: Store) => Promise<unknown>,
): Promise<boolean> {
  const room = fill(dir, free);
  const place = join(dir, "store");
  let failure: unknown;
  try {
    await using store = await Store.open(place);
    failure = await work(store).then(
      () => undefined,
      (error: unknown) => error ?? "nothing",
    );
    expect(unfinished(place, dir)).toEqual([]);
  } catch (error) {
    failure = error;
  }
  if (failure !== undefined) {
    expect(failure).toMatchObject({
      code: "CTXPACK_E_NO_SPACE",
      details: { path: expect.stringContaining(dir) },
    });
  }
  room();
  await using store = await Store.open(place);
  const { damages } = await store.check({ deep: true });
  expect(damages).toEqual([]);
  if (failure !== undefined) await work(store);
  expect(await store.verify(uri)).toMatchObject({ clean: true });
  return failure !== undefined;
}

/** Free bytes at which to try: nothing at all, a few blocks, then evenly up to what is enough. */
function stages(enough: number): number[] {
  const small = [0, 4096, 8192, 12_288, 16_384, 24_576, 32_768, 49_152, 65_536];
  return [...small, ...Array.from({ length: 12 }, (_, i) => Math.round((enough * (i + 1)) / 12))];
}

/** Bytes on disk below a folder. */
function sizeOf(dir: string): number {
  return Number(execFileSync("du", ["-s", "--block-size=1", dir]).toString().split("\t")[0]);
}

describe("a disk that is full", () => {
  it("at any stage of a seed", async (context) => {
    if (disk === undefined) return context.skip();
    const out = folder(join(workplace(), "out"), content);
    await seedInto(join(disk, "store"), out);
    const enough = sizeOf(join(disk, "store")) + MB / 4;
    const failed = [];
    for (const free of stages(enough)) {
      clear(join(disk, "store"));
      const isFull = await meetsFullDisk(disk, free, (store) => store.seed(out, contractOf("t")));
      if (isFull) failed.push(free);
    }
    expect(failed.length).toBeGreaterThan(12);
    expect(failed).not.toContain(Math.round(enough));
    clear(join(disk, "store"));
  }, 120_000);

  it("at any stage of a pull", async (context) => {
    if (disk === undefined) return context.skip();
    const dir = workplace();
    const out = folder(join(dir, "out"), content);
    const pantry = await openStore(join(dir, "pantry"));
    await pantry.seed(out, contractOf("t"));
    const admit = async (store: Store) => store.admit(uri, await from(pantry, uri));
    {
      await using store = await Store.open(join(disk, "store"));
      await admit(store);
    }
    const enough = sizeOf(join(disk, "store")) + MB / 2;
    const failed = [];
    for (const free of stages(enough)) {
      clear(join(disk, "store"));
      if (await meetsFullDisk(disk, free, admit)) failed.push(free);
      await using store = await Store.open(join(disk, "store"));
      expect(look(await store.tree(uri))).toEqual(look(out));
    }
    expect(failed.length).toBeGreaterThan(12);
    expect(failed).not.toContain(Math.round(enough));
    clear(join(disk, "store"));
  }, 120_000);

  it("at any stage of materialising, and the pack stays a hit", async (context) => {
    if (disk === undefined) return context.skip();
    const out = folder(join(workplace(), "out"), content);
    await seedInto(join(disk, "store"), out);
    const failed = [];
    const enough = 4 * MB;
    for (const free of stages(enough)) {
      clear(join(disk, "store/trees"));
      clear(join(disk, "store/files"));
      if (await meetsFullDisk(disk, free, (store) => store.tree(uri))) failed.push(free);
      await using store = await Store.open(join(disk, "store"));
      expect(await store.get(uri)).toMatchObject({ partial: false });
      expect(look(await store.tree(uri))).toEqual(look(out));
    }
    expect(failed.length).toBeGreaterThan(10);
    expect(failed).not.toContain(enough);
    clear(join(disk, "store"));
  }, 120_000);

  it("while threads are at work", async (context) => {
    if (disk === undefined) return context.skip();
    const dir = workplace();
    const files = Object.fromEntries(
      Array.from({ length: 5 }, (_, i) => [`f${i}`, noise(8 * MB, 2 * i + 7)]),
    );
    const out = folder(join(dir, "out"), files);
    const pantry = await openStore(join(dir, "pantry"));
    await pantry.seed(out, contractOf("t"));
    const place = join(disk, "store");
    const failed = { seed: 0, admit: 0, tree: 0 };
    for (const free of [9 * MB, 39 * MB]) {
      const seed = (store: Store) => store.seed(out, contractOf("t"));
      const admit = async (store: Store) => store.admit(uri, await from(pantry, uri));
      clear(place);
      if (await meetsFullDisk(disk, free, admit)) failed.admit += 1;
      clear(place);
      if (await meetsFullDisk(disk, free, seed)) failed.seed += 1;
      if (await meetsFullDisk(disk, free, (store) => store.tree(uri))) failed.tree += 1;
    }
    expect(failed).toEqual({ seed: 2, admit: 2, tree: 2 });
    clear(place);
  }, 120_000);

  it("to its last block, with ext4: collecting needs no room to make some", async (context) => {
    const ext4 = mountExt4();
    if (ext4 === undefined) return context.skip();
    const place = join(ext4, "store");
    const size = await (async () => {
      await using store = await Store.open(place);
      await store.seed(folder(join(workplace(), "out"), content), contractOf("t"));
      await store.tree(uri);
      for (const path of ["blobs", "packs", "trees"].flatMap((name) =>
        filesOf(join(place, name)).map((file) => join(place, name, file)),
      ))
        utimesSync(path, 0, 0);
      return (await store.collect()).size;
    })();
    fillUp(join(ext4, "ballast"));
    // A folder takes a block: none can be made.
    expect(() => mkdirSync(join(ext4, "more"))).toThrow("ENOSPC");
    const first = await drive([place, "collect", String(size - 1), "1"]);
    expect(first).toMatchObject({ code: 0, result: { trees: [{}], packs: [] } });
    fillUp(join(ext4, "ballast"));
    const second = await drive([place, "collect", "0", "1"]);
    expect(second).toMatchObject({ code: 0, result: { packs: [{ uri }] } });
    expect(readdirSync(join(place, "blobs/sha256"))).toEqual([]);
  });

  it("while it is repaired: what was damaged is out of the way, and the next attempt goes on", async (context) => {
    if (disk === undefined) return context.skip();
    const dir = workplace();
    const out = folder(join(dir, "out"), content);
    const pantry = await openStore(join(dir, "pantry"));
    await pantry.seed(out, contractOf("t"));
    await seedInto(join(disk, "store"), out);
    await using store = await Store.open(join(disk, "store"));
    const blobs = join(store.dir, "blobs/sha256");
    const [largest = ""] = readdirSync(blobs).sort(
      (a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size,
    );
    rmSync(join(blobs, largest));
    const room = fill(disk, 64 * 1024);
    const refetch = async (): Promise<string> =>
      (await store.admit(uri, await from(pantry, uri))).record.origin;
    const report = await store.check({ repair: true, refetch });
    expect(report).toMatchObject({
      clean: false,
      lost: [uri],
      damages: [{ kind: "blob-missing", outcome: expect.stringContaining("no space left") }],
    });
    expect((await store.get(uri))?.partial).toBe(true);
    room();
    await refetch();
    expect(await store.verify(uri)).toMatchObject({ clean: true });
  });
});

/** As Node gives them: SQLite's own number is all it says. */
function sqliteError(errcode: number): Error {
  return Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode });
}

describe("what SQLite does not say", () => {
  const IOERR_WRITE = 778;

  it("that a write failed for want of room", (context) => {
    if (disk === undefined) return context.skip();
    const path = join(disk, "store.db");
    const error = sqliteError(IOERR_WRITE);
    expect(databaseError(error, path)).toBe(error);
    const room = fill(disk, 0);
    expect(databaseError(error, path)).toMatchObject({
      code: "CTXPACK_E_NO_SPACE",
      details: { path },
    });
    room();
    expect(readdirSync(disk).filter((name) => name.startsWith("store.db"))).toEqual(["store.db"]);
    rmSync(path);
  });

  it("that it cannot open its files for want of inodes", async (context) => {
    if (disk === undefined) return context.skip();
    const place = join(disk, "few");
    mkdirSync(place);
    execFileSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=8", "tmpfs", place]);
    onTestFinished(() => void execFileSync("umount", [place]));
    for (const isThere of [true, false]) {
      const path = join(place, `${isThere}.db`);
      const database = new Database(path);
      onTestFinished(() => database.close());
      if (isThere) await database.exclusive(() => undefined);
      const room = useInodes(place);
      const digest = sha256(Buffer.from("any"));
      await expect(database.settle([digest], digest)).rejects.toMatchObject({
        code: "CTXPACK_E_NO_SPACE",
        details: { path },
      });
      room();
    }
  });

  it("that it cannot open its files for want of descriptors", async () => {
    const dir = workplace();
    {
      await using store = await Store.open(join(dir, "store"));
      await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    }
    const limit = ["sh", "-c", 'ulimit -n 256; exec "$0" "$@"'];
    const ended = await drive([join(dir, "store"), "starve", uri], limit);
    expect(ended).toMatchObject({
      code: 1,
      result: {
        code: "CTXPACK_E_UNSUPPORTED",
        message: expect.stringMatching(/store\.db: too many open files/),
      },
    });
  });
});

/** Makes files until there is no inode left; returns what makes room again. */
function useInodes(dir: string): () => void {
  const made: string[] = [];
  try {
    for (;;) {
      const path = join(dir, `inode-${made.length}`);
      writeFileSync(path, "");
      made.push(path);
    }
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  }
  return () => {
    for (const path of made) rmSync(path);
  };
}

/** A disk on which a folder takes a block, if this machine lets us mount one. */
function mountExt4(): string | undefined {
  const place = workplace();
  const dir = join(place, "mnt");
  try {
    execFileSync("truncate", ["-s", "32m", join(place, "ext4.img")]);
    execFileSync("mkfs.ext4", ["-q", "-m", "0", join(place, "ext4.img")], { stdio: "ignore" });
    mkdirSync(dir);
    execFileSync("mount", ["-o", "loop", join(place, "ext4.img"), dir], { stdio: "ignore" });
  } catch {
    console.warn("skipped: needs mkfs.ext4 and the right to mount");
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", [dir]);
  });
  return dir;
}

/** Appends to a file until nothing fits any more. */
function fillUp(path: string): void {
  const fd = openSync(path, "a");
  try {
    for (let size = MB; size >= 1024; ) {
      try {
        writeSync(fd, new Uint8Array(size));
        fsyncSync(fd);
      } catch {
        size >>= 1;
      }
    }
  } finally {
    closeSync(fd);
  }
}

async function seedInto(place: string, out: string): Promise<void> {
  clear(place);
  rmSync(join(place, "../ballast"), { force: true });
  mkdirSync(place, { recursive: true });
  await using store = await Store.open(place);
  await store.seed(out, contractOf("t"));
}
