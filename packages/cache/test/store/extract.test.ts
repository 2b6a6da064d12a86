import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import {
  contractOf,
  folder,
  look,
  noise,
  openFiles,
  openStore,
  sample,
  sampleSeen,
  uriFor,
  workplace,
} from "./fixture.ts";
import { CLONING, mountLoop } from "./loop-disk.ts";

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = workplace();
  store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), { ...sample, big: noise(3_000_000) }), contractOf("t"));
});

describe("extract", () => {
  it("writes a folder of the user's own, into one that is empty or not there", async () => {
    const before = process.umask(0o027);
    try {
      await store.extract(uriFor("t"), join(dir, "new"));
      mkdirSync(join(dir, "empty"));
      await store.extract(uriFor("t"), join(dir, "empty"));
    } finally {
      process.umask(before);
    }
    for (const to of [join(dir, "new"), join(dir, "empty")]) {
      expect(look(to)).toMatchObject(sampleSeen);
      expect(readFileSync(join(to, "big")).equals(noise(3_000_000))).toBe(true);
      const modes = ["a.txt", "bin/run", "bin"].map((p) => lstatSync(join(to, p)).mode & 0o777);
      expect(modes).toEqual([0o640, 0o750, 0o750]);
    }
  });

  it("shares no file with the store", async () => {
    const tree = await store.tree(uriFor("t"));
    await store.extract(uriFor("t"), join(dir, "to"));
    expect(statSync(join(dir, "to/a.txt")).ino).not.toBe(statSync(join(tree, "a.txt")).ino);
    expect(statSync(join(dir, "to/a.txt")).nlink).toBe(1);
    writeFileSync(join(dir, "to/a.txt"), "mine");
    expect(readFileSync(join(tree, "a.txt"), "utf8")).toBe("hello\n");
  });

  it("never hands out damaged files of the store", async () => {
    const tree = await store.tree(uriFor("t"));
    chmodSync(join(tree, "a.txt"), 0o644);
    writeFileSync(join(tree, "a.txt"), "HELLO\n");
    await store.extract(uriFor("t"), join(dir, "to"));
    expect(look(join(dir, "to"))).toMatchObject(sampleSeen);
  });

  const targets: [string, (to: string) => void, string, string][] = [
    [
      "a folder with something in it",
      (to) => folder(to, { x: "" }),
      "CTXPACK_E_USAGE",
      "is not empty",
    ],
    ["a file", (to) => writeFileSync(to, ""), "CTXPACK_E_USAGE", "is no folder"],
    [
      "a link",
      (to) => folder(join(to, ".."), { to: { link: "out" } }),
      "CTXPACK_E_USAGE",
      "is no folder",
    ],
  ];
  it.each(targets)("refuses %s and leaves it alone", async (_, make, code, message) => {
    const to = join(dir, "to");
    make(to);
    const before = look(dir);
    await expect(store.extract(uriFor("t"), to)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(look(dir)).toEqual(before);
  });

  it("refuses a folder below one that is not there", async () => {
    await expect(store.extract(uriFor("t"), join(dir, "no/to"))).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
  });

  it("refuses a folder in the store, also through a link", async () => {
    folder(dir, { way: { link: "store/blobs" } });
    for (const to of ["store/to", "way/to"]) {
      await expect(store.extract(uriFor("t"), join(dir, to))).rejects.toMatchObject({
        code: "CTXPACK_E_USAGE",
        message: expect.stringContaining("lies in the store"),
      });
    }
  });

  it("leaves nothing when it fails or is aborted", async () => {
    const controller = new AbortController();
    const extracting = store.extract(uriFor("t"), join(dir, "to"), {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(extracting).rejects.toThrow("enough");
    expect(readdirSync(dir).sort()).toEqual(["out", "store"]);
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
  });

  it("writes to a folder with the longest name there may be", async () => {
    const to = join(dir, "n".repeat(255));
    await store.extract(uriFor("t"), to);
    expect(look(to)).toEqual(look(join(dir, "out")));
  });

  it("clears what a killed one left beside the folder", async () => {
    const stale = join(dir, ".ctxpack-00000000.1.999999.1.00000000");
    folder(stale, { x: "" });
    execFileSync("touch", ["-d", "2 hours ago", stale]);
    await store.extract(uriFor("t"), join(dir, "to"));
    expect(readdirSync(dir).sort()).toEqual(["out", "store", "to"]);
  });
});

it.for(CLONING)("shares blocks with the materialised files on %s", async (kind, context) => {
  const mount = mountLoop(kind);
  if (mount === undefined) return context.skip();
  const cloning = await openStore(join(mount, "store"));
  await cloning.seed(join(dir, "out"), contractOf("t"));
  await cloning.tree(uriFor("t"));
  rmSync(join(mount, "store/blobs/sha256", basename(await someSegment(cloning))));
  // With a segment gone, only a clone can give the files.
  await cloning.extract(uriFor("t"), join(mount, "to"));
  expect(look(join(mount, "to"))).toMatchObject(sampleSeen);
  expect(lstatSync(join(mount, "to/bin/run")).mode & 0o777).toBe(0o777 & ~process.umask());
  expect(lstatSync(join(mount, "to/a.txt")).mode & 0o777).toBe(0o666 & ~process.umask());
  await cloning[Symbol.asyncDispose]();
  expect(existsSync(join(mount, "store/quarantine"))).toBe(false);
});

async function someSegment(of: Store): Promise<string> {
  const { bytes } = await of.manifest(uriFor("t"));
  return JSON.parse(Buffer.from(bytes).toString()).layers[1].digest.slice(7);
}
