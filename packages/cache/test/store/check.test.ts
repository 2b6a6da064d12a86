import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { digestHex, sha256 } from "@ctxpack/identity";
import { bytesSource } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { type CheckReport, DAMAGE_KINDS, type Refetch, Store } from "../../src/index.ts";
import { buildManifest, parsePackManifest } from "../../src/pack/index.ts";
import {
  contractOf,
  filesOf,
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

const content = { ...sample, big: noise(3_000_000), shared: "x".repeat(40_000) };
const uri = uriFor("t");

/** A store with a materialised pack and one beside it, and a second store that has both. */
async function twoPacks() {
  const dir = workplace();
  const out = folder(join(dir, "out"), content);
  const other = folder(join(dir, "other"), { "only/one": "1", shared: "x".repeat(40_000) });
  const store = await openStore(join(dir, "store"));
  const pantry = await openStore(join(dir, "pantry"));
  for (const one of [store, pantry]) {
    await one.seed(out, contractOf("t"));
    await one.seed(other, contractOf("u"));
  }
  const tree = await store.tree(uri);
  await store.tree(uriFor("u"));
  const { bytes } = await store.manifest(uri);
  const manifest = parsePackManifest(bytes);
  const blob = (hex: string): string => join(store.dir, "blobs/sha256", hex);
  const refetch: Refetch = async (wanted) => {
    const { record } = await store.admit(wanted, await from(pantry, wanted));
    return record.origin;
  };
  return { dir, out, store, pantry, tree, manifest, blob, refetch };
}

type World = Awaited<ReturnType<typeof twoPacks>>;

/** Flips the bits of one byte in the middle, and keeps size, mode and time. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  const { mode, mtimeNs } = lstatSync(path, { bigint: true });
  const at = bytes.length >> 1;
  bytes[at] = ~(bytes[at] ?? 0);
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  chmodSync(path, Number(mode & 0o777n));
  const fraction = String(mtimeNs % 1_000_000_000n).padStart(9, "0");
  // Node's own function has no nanoseconds.
  execFileSync("touch", ["-d", `@${mtimeNs / 1_000_000_000n}.${fraction}`, path]);
}

function writable(path: string): string {
  chmodSync(dirname(path), 0o755);
  return path;
}

function kinds({ damages }: CheckReport): string[] {
  return [...new Set(damages.map(({ kind }) => kind))].sort();
}

/** Everything the store holds, byte for byte. */
function snapshot(dir: string): unknown {
  return Object.fromEntries(filesOf(dir).map((path) => [path, readlessly(join(dir, path))]));
}

function readlessly(path: string): unknown {
  const { size, mode, uid, ino } = lstatSync(path);
  return { size, mode, uid, ino };
}

interface Case {
  /** What is done to the store. */
  readonly hurt: (world: World) => void | Promise<void>;
  /** The kinds that are then found. */
  readonly kinds: readonly (keyof typeof DAMAGE_KINDS)[];
  readonly deep?: true;
  /** Not seen without `deep`. */
  readonly isHidden?: true;
  /** Cannot be repaired without a pantry. */
  readonly lost?: true;
}

const segment = ({ manifest, blob }: World): string =>
  blob(digestHex(manifest.segments[1]?.digest ?? manifest.segments[0]?.digest ?? "sha256:"));
const record = ({ store }: World): string => {
  const hex = uri.slice(-64);
  return join(store.dir, "packs", hex.slice(0, 2), `${hex}.json`);
};
const wrapper = ({ tree }: World): string => dirname(tree);
const dead = "0badc0de.1.4194304.1.00000000";

const cases: Record<string, Case> = {
  "a byte of a segment is flipped": {
    hurt: (w) => flip(segment(w)),
    kinds: ["blob-corrupt"],
    deep: true,
    isHidden: true,
    lost: true,
  },
  "the index is truncated": {
    hurt: ({ manifest, blob }) => truncateSync(blob(digestHex(manifest.index.digest)), 10),
    kinds: ["blob-truncated"],
    lost: true,
  },
  "a byte of the index is flipped": {
    hurt: ({ manifest, blob }) => flip(blob(digestHex(manifest.index.digest))),
    kinds: ["blob-corrupt"],
    lost: true,
  },
  "the manifest is corrupt": {
    hurt: async ({ store, blob }) => {
      const { descriptor } = await store.manifest(uri);
      flip(blob(digestHex(descriptor.digest)));
    },
    kinds: ["blob-corrupt"],
    lost: true,
  },
  "a segment is missing": {
    hurt: (w) => rmSync(segment(w)),
    kinds: ["blob-missing"],
    lost: true,
  },
  "a blob may be written to": {
    hurt: (w) => chmodSync(segment(w), 0o644),
    kinds: ["blob-mode"],
  },
  "a blob was written to": {
    hurt: (w) => {
      flip(segment(w));
      chmodSync(segment(w), 0o644);
    },
    kinds: ["blob-mode"],
    lost: true,
  },
  "a folder lies where a blob should": {
    hurt: (w) => {
      rmSync(segment(w));
      mkdirSync(segment(w));
    },
    kinds: ["blob-mode", "blob-truncated"],
    lost: true,
  },
  "the record is cut short": {
    hurt: (w) => truncateSync(record(w), 40),
    kinds: ["record-damaged"],
  },
  "the record is cut short, and the manifest is gone": {
    hurt: async (w) => {
      const { descriptor } = await w.store.manifest(uri);
      truncateSync(record(w), 40);
      rmSync(w.blob(digestHex(descriptor.digest)));
    },
    kinds: ["record-damaged"],
    lost: true,
  },
  "the record is cut short, and a segment is gone": {
    hurt: (w) => {
      truncateSync(record(w), 40);
      rmSync(segment(w));
    },
    kinds: ["record-damaged"],
    lost: true,
  },
  "the record says another size": {
    hurt: (w) => {
      const value = JSON.parse(readFileSync(record(w), "utf8"));
      writeFileSync(record(w), JSON.stringify({ ...value, bytes: 1 }));
    },
    kinds: ["record-mismatch"],
  },
  "the record names the manifest of another pack": {
    hurt: async (w) => {
      const { descriptor } = await w.store.manifest(uriFor("u"));
      const value = JSON.parse(readFileSync(record(w), "utf8"));
      writeFileSync(record(w), JSON.stringify({ ...value, manifest: descriptor }));
    },
    kinds: ["manifest-invalid"],
    lost: true,
  },
  "the manifest names the index of another pack": {
    hurt: async (w) => {
      const { manifest, store } = w;
      const other = parsePackManifest((await store.manifest(uriFor("u"))).bytes);
      const bytes = buildManifest({ ...manifest, index: other.index });
      const descriptor = { ...(await store.manifest(uri)).descriptor, digest: sha256(bytes) };
      const wrong = { ...descriptor, size: bytes.length };
      await store.blobs.push(wrong, bytesSource(bytes));
      const value = JSON.parse(readFileSync(record(w), "utf8"));
      writeFileSync(record(w), JSON.stringify({ ...value, manifest: wrong }));
    },
    kinds: ["index-invalid"],
    lost: true,
  },
  "a file of a folder is deleted": {
    hurt: ({ tree }) => rmSync(writable(join(tree, "docs/ünï.md"))),
    kinds: ["tree-file-missing"],
  },
  "a file of a folder is replaced": {
    hurt: ({ tree }) => {
      rmSync(writable(join(tree, "a.txt")));
      writeFileSync(join(tree, "a.txt"), "hallo\n", { mode: 0o444 });
    },
    kinds: ["tree-file-changed"],
  },
  "a byte of a file is flipped, and its time put back": {
    hurt: ({ tree }) => flip(join(tree, "z/zero/../../a.txt")),
    kinds: ["tree-file-changed"],
    deep: true,
    isHidden: true,
  },
  "a file that two packs share is changed": {
    hurt: ({ tree }) => flip(join(tree, "shared")),
    kinds: ["pool-file-corrupt", "tree-file-changed"],
    deep: true,
    isHidden: true,
  },
  "a link leads somewhere else": {
    hurt: ({ tree }) => {
      rmSync(writable(join(tree, "docs/latest")));
      symlinkSync("/etc/passwd", join(tree, "docs/latest"));
    },
    kinds: ["tree-file-changed"],
  },
  "a folder is a link to a copy of it": {
    hurt: ({ dir, tree }) => {
      cpSync(join(tree, "bin"), join(dir, "copy"), { recursive: true });
      renameSync(writable(join(tree, "bin")), join(dir, "old"));
      symlinkSync(join(dir, "copy"), join(tree, "bin"));
    },
    kinds: ["tree-file-extra"],
  },
  "a folder holds one more file": {
    hurt: ({ tree }) => writeFileSync(writable(join(tree, "docs/more")), ""),
    kinds: ["tree-file-extra"],
  },
  "the marker of a folder is damaged": {
    hurt: (w) => writeFileSync(join(wrapper(w), "made.json"), "{"),
    kinds: ["tree-marker-damaged"],
  },
  "files are not ours": {
    hurt: ({ store, blob }) => {
      for (const path of [
        blob("README"),
        join(store.dir, "packs/zz"),
        join(store.dir, "trees/aa-old"),
        join(store.dir, "tmp/download.part"),
        join(store.dir, "files/x"),
      ]) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, "?");
      }
    },
    kinds: ["foreign-file"],
  },
  "the database is overwritten": {
    hurt: ({ store }) => writeFileSync(join(store.dir, "store.db"), "no database ".repeat(400)),
    kinds: ["database-damaged"],
  },
  "a row of the database rotted": {
    hurt: ({ store }) => {
      const db = new DatabaseSync(join(store.dir, "store.db"));
      db.exec("UPDATE frame SET size = size + 1");
      db.close();
    },
    kinds: ["database-damaged"],
    deep: true,
    isHidden: true,
  },
  "the stat index is damaged": {
    hurt: ({ store }) => writeFileSync(join(store.dir, "stat-index"), "ctxpack.stat-index/v1\n"),
    kinds: ["stat-index-damaged"],
  },
  "the list of known records is damaged": {
    hurt: ({ store }) =>
      writeFileSync(join(store.dir, "known-records"), "ctxpack.known-records/v2 0\n"),
    kinds: ["known-records-damaged"],
  },
  "the snapshot of a folder is damaged": {
    hurt: ({ store }) => {
      const [name = ""] = readdirSync(join(store.dir, "snapshots"));
      appendFileSync(join(store.dir, "snapshots", name), "?");
    },
    kinds: ["snapshot-damaged"],
  },
  "the result of an item has another content": {
    hurt: ({ store }) => {
      const name = `${"0".repeat(64)}-${digestHex(sha256(Buffer.from("right")))}-5`;
      folder(join(store.dir, "results/00"), { [name]: "wrong" });
    },
    kinds: ["result-corrupt"],
    deep: true,
    isHidden: true,
  },
  "the result of an item has another size": {
    hurt: ({ store }) => {
      const name = `${"0".repeat(64)}-${digestHex(sha256(Buffer.from("right")))}-5x`;
      folder(join(store.dir, "results/00"), { [name]: "" });
    },
    kinds: ["result-corrupt"],
  },
  "something else lies among the results of items": {
    hurt: ({ store }) => void folder(join(store.dir, "results/00"), { note: "mine" }),
    kinds: ["foreign-file"],
  },
  "oci-layout is gone": {
    hurt: ({ store }) => rmSync(join(store.dir, "oci-layout")),
    kinds: ["layout-damaged"],
  },
};

describe.each(Object.entries(cases))("%s", (_, { hurt, kinds: expected, deep, isHidden, lost }) => {
  it("has a name, and looking changes nothing", async () => {
    const world = await twoPacks();
    const { store } = world;
    await hurt(world);
    const before = snapshot(store.dir);
    const report = await store.check({ deep });
    expect(snapshot(store.dir)).toEqual(before);
    expect(kinds(report)).toEqual(expected);
    expect(report).toMatchObject({ clean: false, lost: [] });
    // Sizes and times give it away only if somebody has looked at them.
    if (isHidden) expect(await store.check()).toMatchObject({ clean: true, damages: [] });
  });

  it("is repaired with what a pantry has, and the pack is right afterwards", async () => {
    const world = await twoPacks();
    const { store, refetch, out } = world;
    await hurt(world);
    const report = await store.check({ deep, repair: true, refetch });
    expect(report.damages.map(({ state }) => state)).toEqual(report.damages.map(() => "repaired"));
    expect(report).toMatchObject({ clean: true, lost: [] });
    expect(await store.check({ deep: true })).toMatchObject({ clean: true, damages: [] });
    expect(await store.verify(uri)).toMatchObject({ clean: true, damages: [] });
    expect(look(await store.tree(uri, { verify: true }))).toEqual(look(out));
  });

  it(lost ? "is lost without one, and is no hit" : "is repaired without one", async () => {
    const world = await twoPacks();
    const { store, refetch, out } = world;
    await hurt(world);
    const report = await store.check({ deep, repair: true });
    if (lost === undefined) {
      expect(report).toMatchObject({ clean: true, lost: [] });
      expect(await store.get(uri)).toMatchObject({ partial: false });
    } else {
      expect(report).toMatchObject({ clean: false, lost: [uri] });
      expect((await store.get(uri))?.partial ?? true).toBe(true);
      await expect(store.tree(uri)).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
      await expect(store.verify(uri)).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    }
    // The other pack has not been touched, and nothing is wrong any more.
    expect(await store.get(uriFor("u"))).toMatchObject({ partial: false });
    expect((await store.check({ deep: true })).clean).toBe(true);
    await refetch(uri, { tree: undefined });
    expect(look(await store.tree(uri, { verify: true }))).toEqual(look(out));
  });
});

it("a store in which nothing is wrong", async () => {
  const { store } = await twoPacks();
  const report = await store.check({ deep: true });
  expect(report).toMatchObject({ clean: true, damages: [], lost: [] });
  expect(report.checked).toMatchObject({ packs: 2, trees: 2 });
  expect(report.checked.blobs).toBe(readdirSync(join(store.dir, "blobs/sha256")).length);
  // Every blob and every file has been read.
  expect(report.checked.bytes).toBeGreaterThan(2 * 3_000_000);
});

describe("leftovers", () => {
  const leftovers: Record<string, Pick<Case, "hurt" | "kinds">> = {
    "the unfinished work of a dead process": {
      hurt: ({ store }) => {
        folder(join(store.dir, "tmp", dead, "1"), { "files/half": "a" });
        utimesSync(join(store.dir, "tmp", dead), 0, 0);
      },
      kinds: ["stale-workspace"],
    },
    "an update that was never renamed": {
      hurt: ({ store }) => {
        writeFileSync(join(store.dir, "stat-index.1-00"), "");
        utimesSync(join(store.dir, "stat-index.1-00"), 0, 0);
      },
      kinds: ["stale-temporary"],
    },
    "an old beginning of a blob": {
      hurt: ({ store }) => {
        folder(join(store.dir, "unfinished"), { ["0".repeat(64)]: "a" });
        utimesSync(join(store.dir, "unfinished", "0".repeat(64)), 0, 0);
      },
      kinds: ["stale-download"],
    },
    "a pin of no pack": {
      hurt: ({ store }) => void folder(join(store.dir, "pins"), { ["0".repeat(64)]: "" }),
      kinds: ["stale-pin"],
    },
    "a log of no pack": {
      hurt: ({ store }) => void folder(join(store.dir, "logs/00"), { ["0".repeat(64)]: "" }),
      kinds: ["stale-log"],
    },
    "the result of an item that nobody came back for": {
      hurt: ({ store }) => {
        const name = `${"0".repeat(64)}-${digestHex(sha256(Buffer.from("a")))}-1`;
        folder(join(store.dir, "results/00"), { [name]: "a" });
        utimesSync(join(store.dir, "results/00", name), 0, 0);
      },
      kinds: ["stale-result"],
    },
    "a recheck of no pack": {
      hurt: ({ store }) => void folder(join(store.dir, "rechecks/00"), { ["0".repeat(64)]: "" }),
      kinds: ["stale-recheck"],
    },
    "the proofs of no pack": {
      hurt: ({ store }) => void folder(join(store.dir, "proofs/00"), { ["0".repeat(64)]: "" }),
      kinds: ["stale-proof"],
    },
    "the claim of a dead process": {
      hurt: ({ store }) => {
        const claim = JSON.stringify({ schema: "ctxpack.claim/v1", owner: dead, groups: [] });
        folder(join(store.dir, "claims"), { ["0".repeat(64)]: claim });
        utimesSync(join(store.dir, "claims", "0".repeat(64)), 0, 0);
      },
      kinds: ["stale-claim"],
    },
    "what was moved out of the way two days ago": {
      hurt: ({ store }) => {
        const name = "20260101T000000Z-00000000";
        folder(join(store.dir, "trash", name), { output: "a", path: "/a" });
        utimesSync(join(store.dir, "trash", name), 0, 0);
      },
      kinds: ["stale-trash"],
    },
    "a row of the known contracts that was torn by a kill": {
      hurt: ({ store }) => {
        const table = join(store.dir, "known-contracts");
        writeFileSync(table, readFileSync(table).subarray(0, -5));
      },
      kinds: ["known-contracts-torn"],
    },
  };

  it.each(Object.entries(leftovers))("%s", async (_, { hurt, kinds: expected }) => {
    const world = await twoPacks();
    const { store } = world;
    await hurt(world);
    const found = await store.check();
    expect(kinds(found)).toEqual(expected);
    expect(found).toMatchObject({
      clean: true,
      damages: [{ severity: "leftover", state: "found" }],
    });
    const repaired = await store.check({ repair: true });
    expect(repaired.damages).toMatchObject([{ state: "repaired" }]);
    expect((await store.check()).damages).toEqual([]);
  });

  it("a folder of a pack that was removed is left for whoever has it", async () => {
    const { store, tree } = await twoPacks();
    await store.remove(uri);
    const report = await store.check({ repair: true });
    expect(report).toMatchObject({
      clean: true,
      damages: [{ kind: "tree-orphan", state: "found" }],
    });
    expect(existsSync(tree)).toBe(true);
  });

  it("what a live process is at is left alone", async () => {
    const { store, out } = await twoPacks();
    appendFileSync(join(out, "a.txt"), "more");
    let reports: Promise<CheckReport> | undefined;
    await using checker = await Store.open(store.dir);
    await store.seed(out, contractOf("v"), {
      onProgress({ phase }) {
        if (phase === "blob") reports ??= checker.check({ deep: true, repair: true });
      },
    });
    expect(await reports).toMatchObject({ clean: true, damages: [] });
    expect(await store.verify(uriFor("v"))).toMatchObject({ clean: true });
  });
});

describe("a record that is damaged or gone is made again from the manifest", () => {
  it("of the output that the rest of the record names", async () => {
    const world = await twoPacks();
    const { store, out, tree } = world;
    const before = await store.get(uri);
    writeFileSync(join(out, "a.txt"), "another output");
    const { record: second } = await store.seed(out, contractOf("t"), { replace: true });
    const text = readFileSync(record(world), "utf8");
    writeFileSync(record(world), text.slice(0, text.indexOf('"tree"')));
    await store.check({ repair: true });
    expect(await store.get(uri)).toMatchObject({ tree: second.tree, manifest: second.manifest });
    expect(before?.tree).not.toBe(second.tree);
    expect(await store.tree(uri, { verify: true })).not.toBe(tree);
  });

  it("but not when there were several outputs and nothing tells which one it is of", async () => {
    const world = await twoPacks();
    const { store, out } = world;
    writeFileSync(join(out, "a.txt"), "another output");
    await store.seed(out, contractOf("t"), { replace: true });
    writeFileSync(record(world), "");
    expect(await store.check({ repair: true })).toMatchObject({ clean: false, lost: [uri] });
    expect(await store.get(uri)).toBeUndefined();
  });

  it("of a pack that only its pin remembers", async () => {
    const world = await twoPacks();
    const { store, out } = world;
    await store.pin(uri);
    rmSync(record(world));
    expect(await store.get(uri)).toBeUndefined();
    const hex = uri.slice(-64);
    const beside = ["logs", "proofs", "rechecks"].map((name) => {
      folder(join(store.dir, name, hex.slice(0, 2)), { [hex]: "kept" });
      return join(store.dir, name, hex.slice(0, 2), hex);
    });
    const report = await store.check({ repair: true });
    expect(report.damages).toContainEqual(
      expect.objectContaining({ kind: "stale-pin", state: "repaired" }),
    );
    expect(await store.get(uri)).toMatchObject({ pinned: true, partial: false, origin: "fsck" });
    expect(look(await store.tree(uri, { verify: true }))).toEqual(look(out));
    // What lies beside the pack is of a pack again.
    for (const path of beside) expect(readFileSync(path, "utf8")).toBe("kept");
  });

  it("and a folder in its place is put aside", async () => {
    const world = await twoPacks();
    const { store } = world;
    rmSync(record(world));
    mkdirSync(record(world));
    const report = await store.check({ repair: true });
    expect(report.damages).toContainEqual(
      expect.objectContaining({
        kind: "record-damaged",
        outcome: expect.stringContaining("was moved to quarantine"),
      }),
    );
    expect(existsSync(record(world))).toBe(false);
  });
});

describe("a part of a pack", () => {
  const only = (path: string): boolean => path.startsWith("docs/") || path === "a.txt";

  async function partial() {
    const dir = workplace();
    const pantry = await openStore(join(dir, "pantry"));
    await pantry.seed(folder(join(dir, "out"), content), contractOf("t"));
    const store = await openStore(join(dir, "store"));
    await store.admit(uri, await from(pantry, uri, { only }));
    return { store, pantry, path: await store.tree(uri, { only }) };
  }

  it("is no damage, and what lacks in its folder is", async () => {
    const { store, path } = await partial();
    expect(await store.check({ deep: true })).toMatchObject({ clean: true, damages: [] });
    rmSync(writable(join(path, "docs/ünï.md")));
    const report = await store.check({ repair: true });
    expect(report).toMatchObject({
      clean: true,
      damages: [{ kind: "tree-file-missing", state: "repaired" }],
    });
    expect(await store.tree(uri, { only })).toBe(path);
    expect(existsSync(join(path, "docs/ünï.md"))).toBe(true);
  });

  it("loses a damaged blob, and stays a part", async () => {
    const { store, pantry, path } = await partial();
    for (const hex of readdirSync(join(store.dir, "blobs/sha256"))) {
      flip(join(store.dir, "blobs/sha256", hex));
    }
    const report = await store.check({ deep: true, repair: true });
    expect(report).toMatchObject({ clean: true, lost: [] });
    expect(kinds(report)).toEqual(["blob-corrupt"]);
    await store.admit(uri, await from(pantry, uri, { only }));
    expect(await store.tree(uri, { only })).toBe(path);
  });
});

describe("another user's file", () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn("skipped: needs root to make files of another user");

  it.skipIf(!isRoot)("is reported, read, and given to the store's user", async () => {
    const world = await twoPacks();
    const { store, tree } = world;
    for (const path of [segment(world), record(world), join(tree, "big")]) {
      lchownSync(path, 65534, 65534);
    }
    const found = await store.check();
    expect(kinds(found)).toEqual(["foreign-owner"]);
    expect(found.clean).toBe(false);
    expect(found.damages.map(({ uris }) => uris)).toContainEqual([uri]);
    const repaired = await store.check({ repair: true });
    expect(repaired.clean).toBe(true);
    expect(lstatSync(segment(world)).uid).toBe(0);
    expect((await store.check({ deep: true })).damages).toEqual([]);
  });

  it.skipIf(!isRoot)("that was changed is not believed", async () => {
    const world = await twoPacks();
    const { store } = world;
    flip(segment(world));
    lchownSync(segment(world), 65534, 65534);
    // Also without `deep`.
    const report = await store.check({ repair: true, refetch: world.refetch });
    expect(kinds(report)).toEqual(["blob-corrupt", "foreign-owner"]);
    expect(report.clean).toBe(true);
    expect(await store.verify(uri)).toMatchObject({ clean: true });
  });
});

describe("a store of a user who is not root", () => {
  const prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const canSwitch = process.getuid?.() === 0 && existsSync("/usr/bin/setpriv");
  if (!canSwitch) console.warn("skipped: needs root and setpriv to be another user");

  async function rootsFiles() {
    const dir = workplace();
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, "home"));
    chownSync(join(dir, "home"), 65534, 65534);
    const out = folder(join(dir, "out"), content);
    const place = join(dir, "home/store");
    const contract = Buffer.from(contractOf("t")).toString();
    expect(await drive([place, "seed", out, contract], prefix)).toMatchObject({ code: 0 });
    const { result: tree } = await drive([place, "tree", uri], prefix);
    const blobs = readdirSync(join(place, "blobs/sha256")).map((n) =>
      join(place, "blobs/sha256", n),
    );
    const hex = uri.slice(-64);
    return {
      place,
      blobs,
      tree: String(tree),
      record: join(place, "packs", hex.slice(0, 2), `${hex}.json`),
    };
  }

  it.skipIf(!canSwitch)("has files of root replaced by copies, folders made again", async () => {
    const { place, blobs, tree, record } = await rootsFiles();
    for (const path of [record, ...blobs, join(tree, "big"), join(place, "store.db")]) {
      lchownSync(path, 0, 0);
    }
    const { result } = await drive([place, "repair"], prefix);
    const report = result as CheckReport;
    expect(kinds(report)).toEqual(["foreign-owner"]);
    expect(report).toMatchObject({ clean: true, lost: [] });
    for (const path of [record, ...blobs]) expect(lstatSync(path).uid).toBe(65534);
    expect(await drive([place, "tree", uri], prefix)).toMatchObject({ code: 0, result: tree });
    const again = (await drive([place, "repair"], prefix)).result as CheckReport;
    expect(again.damages).toEqual([]);
  });

  it.skipIf(!canSwitch)(
    "loses what it may not read, and hears of what it may not move",
    async () => {
      const { place, blobs, record } = await rootsFiles();
      for (const path of blobs) {
        lchownSync(path, 0, 0);
        chmodSync(path, 0o400);
      }
      lchownSync(dirname(record), 0, 0);
      const { result } = await drive([place, "repair"], prefix);
      const report = result as CheckReport;
      expect(report.clean).toBe(false);
      expect(kinds(report)).toEqual(
        expect.arrayContaining(["blob-corrupt", "blob-mode", "foreign-owner"]),
      );
      expect(report.damages).toContainEqual(
        expect.objectContaining({ kind: "foreign-owner", path: dirname(record), state: "refused" }),
      );
    },
  );
});

describe("a folder that cannot be made again from the blobs here", () => {
  it("is made with blobs of a pantry, or the pack is lost", async () => {
    const world = await twoPacks();
    const { store, tree, out, refetch } = world;
    const hurt = (): void => {
      rmSync(writable(join(tree, "docs/ünï.md")));
      flip(segment(world));
    };
    hurt();
    const repaired = await store.check({ repair: true, refetch });
    expect(kinds(repaired)).toEqual(["tree-file-missing"]);
    expect(repaired).toMatchObject({ clean: true, lost: [] });
    expect(look(await store.tree(uri, { verify: true }))).toEqual(look(out));
    hurt();
    const lost = await store.check({ repair: true });
    expect(lost).toMatchObject({ clean: false, lost: [uri], damages: [{ state: "lost" }] });
    expect((await store.get(uri))?.partial).toBe(true);
  });
});

describe("a store that cannot be written", () => {
  it("is looked at, and not repaired", async () => {
    const world = await twoPacks();
    flip(segment(world));
    const store = await openStore(world.store.dir, { readOnly: true });
    const report = await store.check({ deep: true });
    expect(kinds(report)).toEqual(["blob-corrupt"]);
    expect(report.damages[0]?.uris).toEqual([uri]);
    await expect(store.check({ repair: true })).rejects.toMatchObject({
      code: "CTXPACK_E_PERMISSION",
    });
  });
});

it("many large blobs are hashed by threads", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, i) => [`f${i}`, noise(4_000_000, 2 * i + 1)]),
  );
  await store.seed(folder(join(dir, "out"), files), contractOf("t"));
  await store.tree(uri);
  const blobs = readdirSync(join(store.dir, "blobs/sha256"));
  expect(await store.check({ deep: true })).toMatchObject({ clean: true });
  const largest = blobs
    .map((name) => join(store.dir, "blobs/sha256", name))
    .sort((a, b) => lstatSync(a).size - lstatSync(b).size)
    .slice(-3);
  for (const path of largest) flip(path);
  const report = await store.check({ deep: true });
  expect(report.damages.map(({ path }) => path).sort()).toEqual(largest.sort());
  expect(kinds(report)).toEqual(["blob-corrupt"]);
  expect(report.damages.map(({ uris }) => uris)).toEqual([[uri], [uri], [uri]]);
});

it("stops when it is told to", async () => {
  const { store } = await twoPacks();
  const reason = new Error("enough");
  await expect(store.check({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  await expect(
    store.check({
      deep: true,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    }),
  ).rejects.toBe(reason);
});

it("the memory of what policies accepted is damaged: named, and left as it is", async () => {
  const { store } = await twoPacks();
  const path = join(store.dir, "seen.db");
  const whole = new DatabaseSync(path);
  whole.exec("CREATE TABLE seen (subject TEXT PRIMARY KEY) WITHOUT ROWID");
  whole.close();
  expect(await store.check()).toMatchObject({ clean: true });
  writeFileSync(path, "no database ".repeat(400));
  const before = readFileSync(path);
  for (const repair of [false, true]) {
    const report = await store.check({ repair });
    expect(report).toMatchObject({
      clean: false,
      damages: [{ kind: "seen-damaged", path, uris: [], state: "found" }],
    });
    expect(readFileSync(path)).toEqual(before);
  }
});

/** A database and its journal as a kill in the middle of a transaction leaves them. */
function killed(path: string): void {
  const work = join(workplace(), "work.db");
  const db = new DatabaseSync(work);
  db.exec("CREATE TABLE IF NOT EXISTS seen (subject TEXT PRIMARY KEY, what BLOB)");
  const insert = db.prepare("INSERT INTO seen VALUES (?, randomblob(900))");
  db.exec("BEGIN");
  for (let i = 0; i < 400; i++) insert.run(`${i}`);
  db.exec("COMMIT");
  // More than the cache holds: pages are written over before anything is committed.
  db.exec("PRAGMA cache_size = 4; BEGIN; UPDATE seen SET what = randomblob(900)");
  for (const end of ["", "-journal"]) copyFileSync(`${work}${end}`, `${path}${end}`);
  db.exec("ROLLBACK");
  db.close();
}

it("a kill in the middle of a write to a database is no damage, and ends no check", async () => {
  const { store } = await twoPacks();
  const path = join(store.dir, "seen.db");
  killed(path);
  expect(() => {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      db.prepare("PRAGMA quick_check(1)").all();
    } finally {
      db.close();
    }
  }).toThrow("readonly");
  const reading = await Store.open(store.dir, { readOnly: true });
  expect(await reading.check()).toMatchObject({ clean: true });
  await reading[Symbol.asyncDispose]();
  expect(existsSync(`${path}-journal`)).toBe(true);
  expect(await store.check()).toMatchObject({ clean: true });
  expect(existsSync(`${path}-journal`)).toBe(false);
});

it("every kind of damage is made by a test here", () => {
  const source = readFileSync(import.meta.filename, "utf8");
  const made = Object.keys(DAMAGE_KINDS).filter((kind) => source.includes(`"${kind}"`));
  expect(made.sort()).toEqual(Object.keys(DAMAGE_KINDS).sort());
});
