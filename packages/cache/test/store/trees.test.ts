import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import {
  contractOf,
  folder,
  from,
  look,
  noise,
  openFiles,
  openStore,
  sample,
  sampleSeen,
  uriFor,
  workplace,
} from "./fixture.ts";

async function seeded(dir: string, content = sample): Promise<Store> {
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), content), contractOf("t"));
  return store;
}

describe("tree", () => {
  it("is read-only, x bits kept, whatever the umask", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const before = process.umask(0o077);
    try {
      const path = await store.tree(uriFor("t"));
      const modes = ["a.txt", "bin/run", "bin", "empty/folder", "."].map(
        (p) => lstatSync(join(path, p)).mode & 0o777,
      );
      expect(modes).toEqual([0o444, 0o555, 0o555, 0o555, 0o555]);
    } finally {
      process.umask(before);
    }
  });

  it("is one folder for everybody, also for another contract with the same output", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    await store.seed(join(dir, "out"), contractOf("u"));
    const path = await store.tree(uriFor("t"));
    expect(await store.tree(uriFor("u"))).toBe(path);
    const paths = await Promise.all(Array.from({ length: 8 }, () => store.tree(uriFor("t"))));
    expect(new Set(paths)).toEqual(new Set([path]));
  });

  it("is made by eight callers at once, and is whole", async () => {
    const dir = workplace();
    const store = await seeded(dir, { ...sample, big: noise(2_000_000) });
    const paths = await Promise.all(Array.from({ length: 8 }, () => store.tree(uriFor("t"))));
    expect(new Set(paths).size).toBe(1);
    expect(await store.tree(uriFor("t"), { verify: true })).toBe(paths[0]);
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
  });

  it("of a hit opens neither manifest nor index", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const path = await store.tree(uriFor("t"));
    rmSync(join(store.dir, "blobs"), { recursive: true });
    expect(await store.tree(uriFor("t"))).toBe(path);
  });

  it("is not there for a pack that is not", async () => {
    const store = await openStore(join(workplace(), "store"));
    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
  });

  it("leaves nothing behind when it is aborted", async () => {
    const dir = workplace();
    const store = await seeded(dir, { ...sample, big: noise(4_000_000) });
    const controller = new AbortController();
    const making = store.tree(uriFor("t"), {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(making).rejects.toThrow("enough");
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
    const [owner = ""] = readdirSync(join(store.dir, "tmp"));
    expect(readdirSync(join(store.dir, "tmp", owner))).toEqual([]);
    expect(look(await store.tree(uriFor("t")))).toMatchObject(sampleSeen);
  });
});

describe("damage to the files", () => {
  const seen: [string, (path: string) => void][] = [
    ["a file is gone", (p) => rmSync(p)],
    ["a file is longer", (p) => appendFileSync(p, "x")],
    ["a file was rewritten", (p) => writeFileSync(p, "HELLO\n")],
  ];
  it.each(seen)("%s: seen by its size or time, and repaired", async (_, damage) => {
    const dir = workplace();
    const store = await seeded(dir);
    const path = await store.tree(uriFor("t"));
    chmodSync(path, 0o755);
    chmodSync(join(path, "a.txt"), 0o644);
    damage(join(path, "a.txt"));
    expect(look(await store.tree(uriFor("t")))).toEqual(sampleSeen);
    expect(readdirSync(join(store.dir, "quarantine"))).toHaveLength(1);
  });

  const hidden: [string, (root: string) => void][] = [
    [
      "content under the old size and time",
      (root) => {
        const path = join(root, "a.txt");
        const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
        writeFileSync(path, "HELLO\n");
        // Exactly the same nanoseconds cannot be set from here.
        execFileSync("touch", [
          "-d",
          `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, "0")}`,
          path,
        ]);
        expect(statSync(path, { bigint: true }).mtimeNs).toBe(mtimeNs);
        expect(atimeNs).toBeDefined();
      },
    ],
    ["a file that does not belong there", (root) => writeFileSync(join(root, "bin/extra"), "")],
    ["an empty folder that does not belong there", (root) => mkdirSync(join(root, "bin/extra"))],
    ["an x bit", (root) => chmodSync(join(root, "bin/run"), 0o444)],
    [
      "a link elsewhere",
      (root) => {
        rmSync(join(root, "docs/latest"));
        folder(root, { "docs/latest": { link: "../a.txt" } });
      },
    ],
    ["an empty folder that is gone", (root) => rmSync(join(root, "empty"), { recursive: true })],
  ];
  it.each(hidden)("%s: seen by --verify, and repaired", async (_, damage) => {
    const dir = workplace();
    const store = await seeded(dir);
    const path = await store.tree(uriFor("t"));
    for (const f of ["", "bin", "docs", "empty"]) chmodSync(join(path, f), 0o755);
    chmodSync(join(path, "a.txt"), 0o644);
    damage(path);
    expect(await store.tree(uriFor("t"), { verify: true })).toBe(path);
    expect(look(path)).toEqual(sampleSeen);
    expect(lstatSync(join(path, "bin/run")).mode & 0o777).toBe(0o555);
    expect(readdirSync(join(store.dir, "quarantine"))).toHaveLength(1);
  });

  it("an absent or torn marker costs one full check, not the files", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const path = await store.tree(uriFor("t"));
    const { ino } = statSync(join(path, "a.txt"));
    writeFileSync(join(dirname(path), "made.json"), "{");
    expect(await store.tree(uriFor("t"))).toBe(path);
    expect(statSync(join(path, "a.txt")).ino).toBe(ino);
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
  });

  it("files written before a reboot are read once before they are handed out", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const path = await store.tree(uriFor("t"));
    const marker = join(dirname(path), "made.json");
    const made = JSON.parse(look(dirname(path))["made.json"] as string);
    // A power cut that lost a file's bytes but not its size and time.
    chmodSync(join(path, "a.txt"), 0o644);
    const { atime, mtime } = statSync(join(path, "a.txt"));
    writeFileSync(join(path, "a.txt"), "\0\0\0\0\0\0");
    utimesSync(join(path, "a.txt"), atime, mtime);
    const sampleNow = made.sample.map(([p, size]: [string, number]) => [
      p,
      size,
      String(statSync(join(path, p), { bigint: true }).mtimeNs),
    ]);
    writeFileSync(marker, JSON.stringify({ ...made, sample: sampleNow }));
    expect(look(await store.tree(uriFor("t")))["a.txt"]).toBe("\0\0\0\0\0\0");
    writeFileSync(marker, JSON.stringify({ ...made, sample: sampleNow, boot: "00000000" }));
    expect(look(await store.tree(uriFor("t")))).toEqual(sampleSeen);
  });
});

describe("damage to the blobs", () => {
  function segmentPath(store: Store, manifest: Uint8Array): string {
    const { layers } = JSON.parse(Buffer.from(manifest).toString());
    return join(store.dir, "blobs/sha256", layers[1].digest.slice(7));
  }

  it("is named, put aside, and the pack is no hit until it was seeded or pulled again", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const other = await openStore(join(dir, "other"));
    await other.admit(uriFor("t"), await from(store, uriFor("t")));
    const path = segmentPath(store, (await store.manifest(uriFor("t"))).bytes);
    const { size } = statSync(path);
    chmodSync(path, 0o644);
    writeFileSync(path, Buffer.alloc(size));

    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
      message: expect.stringContaining(path),
    });
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(join(store.dir, "quarantine"))).toHaveLength(1);
    expect(await store.get(uriFor("t"))).toMatchObject({ partial: true });
    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });

    const { blobs, created } = await store.admit(uriFor("t"), await from(other, uriFor("t")));
    expect({ fetched: blobs.fetched, created }).toEqual({ fetched: 1, created: true });
    expect(look(await store.tree(uriFor("t")))).toEqual(sampleSeen);
  });

  it("is repaired by seeding again", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    rmSync(segmentPath(store, (await store.manifest(uriFor("t"))).bytes));
    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({
      code: "CTXPACK_E_STORE_DAMAGED",
      message: expect.stringContaining("a blob is missing"),
    });
    expect(await store.seed(join(dir, "out"), contractOf("t"))).toMatchObject({ created: true });
    expect(look(await store.tree(uriFor("t")))).toEqual(sampleSeen);
  });

  it("that a pull comes across is fetched again in the same pull", async () => {
    const dir = workplace();
    const store = await seeded(dir);
    const other = await openStore(join(dir, "other"));
    const path = segmentPath(store, (await store.manifest(uriFor("t"))).bytes).replace(
      store.dir,
      other.dir,
    );
    const { size } = statSync(path.replace(other.dir, store.dir));
    writeFileSync(path, Buffer.alloc(size));
    await other.admit(uriFor("t"), await from(store, uriFor("t")));
    expect(look(await other.tree(uriFor("t")))).toEqual(sampleSeen);
  });
});
