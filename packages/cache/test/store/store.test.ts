import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { dirHashLines, sha256 } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { defaultStoreDirectory, Store } from "../../src/index.ts";
import { ownerName } from "../../src/store/owner.ts";
import {
  collect,
  contractOf,
  filesOf,
  folder,
  openStore,
  sample,
  text,
  uriFor,
  workplace,
} from "./fixture.ts";

describe("open", () => {
  it("makes a store, and opens it again without writing", async () => {
    const dir = join(workplace(), "a/b/store");
    await openStore(dir);
    expect(filesOf(dir).sort()).toEqual(["VERSION", "blobs/sha256", "oci-layout", "tmp"]);
    const before = statSync(dir, { bigint: true }).mtimeNs;
    await openStore(dir);
    expect(statSync(dir, { bigint: true }).mtimeNs).toBe(before);
  });

  const refused: [string, (dir: string) => void, string, string][] = [
    [
      "a newer store",
      (d) => folder(d, { VERSION: "2\n" }),
      "CTXPACK_E_UNSUPPORTED",
      "has version 2",
    ],
    ["a damaged VERSION", (d) => folder(d, { VERSION: "" }), "CTXPACK_E_STORE_DAMAGED", "VERSION"],
    ["somebody's folder", (d) => folder(d, { "thesis.tex": "" }), "CTXPACK_E_CONFIG", "thesis.tex"],
  ];
  it.each(refused)("refuses %s and leaves it alone", async (_, make, code, message) => {
    const dir = workplace();
    make(dir);
    const before = filesOf(dir);
    await expect(Store.open(dir)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(filesOf(dir)).toEqual(before);
  });

  it("says why something cannot be a store", async () => {
    const dir = workplace();
    const file = join(dir, "file");
    writeFileSync(file, "");
    symlinkSync(join(dir, "nowhere"), join(dir, "dangling"));
    const refused = { code: "CTXPACK_E_CONFIG", message: expect.stringContaining(dir) };
    for (const path of [file, join(file, "x"), join(dir, "dangling"), join(dir, "dangling/x")]) {
      await expect(Store.open(path)).rejects.toMatchObject(refused);
    }
    const long = Store.open(join(dir, "x".repeat(300)));
    await expect(long).rejects.toMatchObject({ code: "CTXPACK_E_UNSUPPORTED" });
  });

  it.skipIf(process.platform !== "linux")("ends where no folder can be made", async () => {
    await expect(Store.open("/proc/x/y")).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
  });

  it("goes on where a killed process began one", async () => {
    const dir = folder(join(workplace(), "store"), { "blobs/sha256": null });
    const dead = ownerName().replace(/\.\d+\.\d+\.(\w+)$/, ".999999999.1.$1");
    folder(join(dir, "tmp", dead), { 1: "1\n" });
    await openStore(dir);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
    expect(readFileSync(join(dir, "VERSION"), "utf8")).toBe("1\n");
  });

  it("read-only needs a store, and every writing verb refuses", async () => {
    const dir = workplace();
    await expect(Store.open(join(dir, "none"), { readOnly: true })).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), sample);
    await store.seed(out, contractOf("t"));
    await store[Symbol.asyncDispose]();
    const before = filesOf(store.dir);
    const reader = await openStore(store.dir, { readOnly: true });
    const writes = [
      reader.seed(out, contractOf("t")),
      reader.tree(uriFor("t")),
      reader.remove(uriFor("t")),
      reader.pin(uriFor("t")),
      reader.keepListing({
        digest: `dirHash1:${sha256(Buffer.from("x\n")).slice(7)}`,
        lines: Buffer.from("x\n"),
      }),
    ];
    for (const write of writes) {
      await expect(write).rejects.toMatchObject({ code: "CTXPACK_E_PERMISSION" });
    }
    expect(await text(reader.read(uriFor("t"), "a.txt"))).toBe("hello\n");
    await reader.extract(uriFor("t"), join(dir, "to"));
    expect((await reader.index(uriFor("t"))).files).toBe(4);
    expect(filesOf(store.dir)).toEqual(before);
  });

  it("read-only hands out a folder that is there", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const path = await store.tree(uriFor("t"));
    const reader = await openStore(store.dir, { readOnly: true });
    expect(await reader.tree(uriFor("t"), { verify: true })).toBe(path);
  });
});

describe("find", () => {
  it("completes a prefix, with or without what stands before it", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const hex = uriFor("t").slice("ctx://sha256:".length);
    for (const prefix of [
      hex,
      hex.slice(0, 6),
      `sha256:${hex.slice(0, 8)}`,
      `ctx://sha256:${hex.slice(0, 7)}`,
      `ctx://${hex}`,
    ]) {
      expect(await store.find(prefix)).toBe(uriFor("t"));
    }
  });

  it("names the candidates of an ambiguous one", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const hex = uriFor("t").slice("ctx://sha256:".length);
    const twin = `${hex.slice(0, 63)}${hex.endsWith("0") ? "1" : "0"}`;
    writeFileSync(join(store.dir, "packs", hex.slice(0, 2), `${twin}.json`), "");
    await expect(store.find(hex.slice(0, 10))).rejects.toMatchObject({
      code: "CTXPACK_E_AMBIGUOUS",
      details: { candidates: [`ctx://sha256:${hex}`, `ctx://sha256:${twin}`].sort() },
    });
  });

  it.each([
    ["abcde", "CTXPACK_E_REFERENCE"],
    ["ABCDEF", "CTXPACK_E_REFERENCE"],
    ["../../etc", "CTXPACK_E_REFERENCE"],
    ["abcdef", "CTXPACK_E_NOT_FOUND"],
    ["a".repeat(64), "CTXPACK_E_NOT_FOUND"],
  ])("refuses %s", async (prefix, code) => {
    const store = await openStore(join(workplace(), "store"));
    await expect(store.find(prefix)).rejects.toMatchObject({ code });
  });
});

describe("records", () => {
  it("are listed by URI, pinned, unpinned and removed", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), sample);
    const uris = [];
    for (const tool of ["a", "b", "c"])
      uris.push((await store.seed(out, contractOf(tool))).record.uri);
    await store.pin(uriFor("b"));
    const listed = await collect(store.list());
    expect(listed.map((r) => r.uri)).toEqual(uris.sort());
    expect(listed.filter((r) => r.pinned).map((r) => r.uri)).toEqual([uriFor("b")]);
    await expect(store.remove(uriFor("b"))).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
    await store.unpin(uriFor("b"));
    await store.remove(uriFor("b"));
    await expect(store.remove(uriFor("b"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    expect((await collect(store.list())).length).toBe(2);
  });

  it.each([
    ["torn", "{"],
    ["empty", ""],
    ["of another pack", `{"schema":"ctxpack.record/v1","uri":"ctx://sha256:${"0".repeat(64)}"}`],
    ["not an object", "null"],
    ["of another version", `{"schema":"ctxpack.record/v2"}`],
  ])("that are damaged (%s) count as none, and are left for fsck to name", async (_, damage) => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const hex = uriFor("t").slice("ctx://sha256:".length);
    const path = join(store.dir, "packs", hex.slice(0, 2), `${hex}.json`);
    writeFileSync(path, damage);
    expect(await store.get(uriFor("t"))).toBeUndefined();
    expect(await collect(store.list())).toEqual([]);
    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    expect(readFileSync(path, "utf8")).toBe(damage);
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
    const { damages } = await store.check();
    expect(damages).toMatchObject([{ kind: "record-damaged", path, uris: [uriFor("t")] }]);
    expect(await store.seed(join(dir, "out"), contractOf("t"))).toMatchObject({ created: true });
  });

  it("that are damaged can be removed, and a pin without one taken away", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    await store.pin(uriFor("t"));
    const hex = uriFor("t").slice("ctx://sha256:".length);
    const path = join(store.dir, "packs", hex.slice(0, 2), `${hex}.json`);
    writeFileSync(path, "{");
    await expect(store.remove(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
    await store.unpin(uriFor("t"));
    await store.remove(uriFor("t"));
    expect(existsSync(path)).toBe(false);
    await expect(store.unpin(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
  });

  it("note when a pack was last used, at most once an hour", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const hex = uriFor("t").slice("ctx://sha256:".length);
    const path = join(store.dir, "packs", hex.slice(0, 2), `${hex}.json`);
    utimesSync(path, 1000, 1000);
    expect((await store.get(uriFor("t")))?.usedAt).toBe("1970-01-01T00:16:40.000Z");
    await store.tree(uriFor("t"));
    const used = (await store.get(uriFor("t")))?.usedAt;
    expect(Date.parse(used ?? "")).toBeGreaterThan(Date.now() - 60_000);
    await store.tree(uriFor("t"));
    expect((await store.get(uriFor("t")))?.usedAt).toBe(used);
  });
});

describe("keepListing", () => {
  it("keeps lines as the blob that has their digest, and nothing else", async () => {
    const store = await openStore(join(workplace(), "store"));
    const lines = dirHashLines([{ path: "a", digest: sha256(Buffer.from("x")) }]);
    const hex = sha256(lines).slice(7);
    await store.keepListing({ digest: `dirHash1:${hex}`, lines });
    expect(readFileSync(join(store.dir, "blobs/sha256", hex)).equals(lines)).toBe(true);
    await expect(
      store.keepListing({ digest: `dirHash1:${"0".repeat(64)}`, lines }),
    ).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
    });
  });
});

describe("defaultStoreDirectory", () => {
  it.each([
    [{ CTXPACK_CACHE_DIR: "/x", XDG_CACHE_HOME: "/y" }, "linux", "/x"],
    [{ XDG_CACHE_HOME: "/y", HOME: "/h" }, "linux", "/y/ctxpack"],
    [{ HOME: "/h" }, "linux", "/h/.cache/ctxpack"],
    [{ HOME: "/h" }, "darwin", "/h/Library/Caches/ctxpack"],
    [{ CTXPACK_CACHE_DIR: "", HOME: "/h" }, "linux", "/h/.cache/ctxpack"],
  ] as const)("%j on %s is %s", (env, platform, expected) => {
    expect(defaultStoreDirectory(env, platform)).toBe(expected);
  });
});

it("closing clears what is not finished, and the store can be used again", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), sample);
  await store.seed(out, contractOf("t"));
  expect(readdirSync(join(store.dir, "tmp"))).toHaveLength(1);
  await store[Symbol.asyncDispose]();
  expect(readdirSync(join(store.dir, "tmp"))).toEqual([]);
  mkdirSync(join(dir, "x"));
  expect(await store.seed(out, contractOf("u"))).toMatchObject({ created: true });
});
