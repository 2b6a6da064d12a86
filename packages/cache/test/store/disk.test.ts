import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { CheckReport } from "../../src/index.ts";
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
import { drive } from "./spawn.ts";

const contract = Buffer.from(contractOf("t")).toString();

/** A small disk of its own, if this machine lets us mount one. */
function smallDisk(size: string): string | undefined {
  const dir = join(workplace(), "disk");
  mkdirSync(dir);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", dir], { stdio: "ignore" });
  } catch {
    console.warn("skipped: needs the right to mount a tmpfs");
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", [dir]);
  });
  return dir;
}

describe("a full disk", () => {
  it("while seeding: an error that names the path, nothing visible, and it goes on once there is room", async (context) => {
    const disk = smallDisk("3m");
    if (disk === undefined) return context.skip();
    const out = folder(join(workplace(), "out"), { ...sample, big: noise(2_500_000) });
    const ballast = folder(join(disk, "ballast"), { x: noise(1_000_000) });
    const store = await openStore(join(disk, "store"));
    await expect(store.seed(out, contractOf("t"))).rejects.toMatchObject({
      code: "CTXPACK_E_NO_SPACE",
      message: expect.stringContaining(join(disk, "store")),
    });
    expect(await store.get(uriFor("t"))).toBeUndefined();
    expect(openFiles(disk).filter((path) => !path.includes("store.db"))).toEqual([]);
    rmSync(ballast, { recursive: true });
    expect(await store.seed(out, contractOf("t"))).toMatchObject({ created: true });
    await store[Symbol.asyncDispose]();
  });

  it("while materialising: nothing is left of it, and the pack stays a hit", async (context) => {
    const disk = smallDisk("6m");
    if (disk === undefined) return context.skip();
    const out = folder(join(workplace(), "out"), {
      ...sample,
      text: "compresses well ".repeat(600_000),
    });
    const store = await openStore(join(disk, "store"));
    await store.seed(out, contractOf("t"));
    await expect(store.tree(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NO_SPACE" });
    expect(existsSync(join(store.dir, "trees"))).toBe(false);
    const [owner = ""] = readdirSync(join(store.dir, "tmp"));
    expect(readdirSync(join(store.dir, "tmp", owner))).toEqual([]);
    expect(openFiles(disk).filter((path) => !path.includes("store.db"))).toEqual([]);
    expect(await store.get(uriFor("t"))).toMatchObject({ partial: false });
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
    await store[Symbol.asyncDispose]();
  });
});

describe("a read-only disk", () => {
  it("is read without a flag, and refuses what would write with the path", async (context) => {
    const disk = smallDisk("20m");
    if (disk === undefined) return context.skip();
    const out = folder(join(workplace(), "out"), sample);
    const first = await openStore(join(disk, "store"));
    await first.seed(out, contractOf("t"));
    const path = await first.tree(uriFor("t"));
    await first[Symbol.asyncDispose]();
    execFileSync("mount", ["-o", "remount,ro", disk]);
    const store = await openStore(join(disk, "store"));
    expect(await store.tree(uriFor("t"))).toBe(path);
    expect(await store.tree(uriFor("t"), { verify: true })).toBe(path);
    expect(look(path)).toEqual(sampleSeen);
    await store.extract(uriFor("t"), join(workplace(), "to"));
    await expect(store.pin(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_PERMISSION" });
    folder(out, { more: noise(10_000) });
    await expect(store.seed(out, contractOf("u"))).rejects.toMatchObject({
      code: "CTXPACK_E_PERMISSION",
      message: expect.stringContaining(disk),
    });
    await store[Symbol.asyncDispose]();
  });
});

describe("another user", () => {
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const canSwitch = process.getuid?.() === 0 && existsSync("/usr/bin/setpriv");
  if (!canSwitch) console.warn("skipped: needs root and setpriv to be another user");

  it.skipIf(!canSwitch)(
    "may use a store it can only read, and hears what it may not do",
    async () => {
      const dir = workplace();
      chmodSync(dir, 0o755);
      const store = await openStore(join(dir, "store"));
      const out = folder(join(dir, "out"), sample);
      await store.seed(out, contractOf("t"));
      const path = await store.tree(uriFor("t"));
      expect(await drive([store.dir, "tree", uriFor("t")], nobody)).toMatchObject({
        code: 0,
        result: path,
      });
      expect(await drive([store.dir, "read", uriFor("t"), "a.txt"], nobody)).toMatchObject({
        code: 0,
        result: 6,
      });
      const seeding = await drive([store.dir, "seed", out, contract.replace('"t"', '"u"')], nobody);
      expect(seeding).toMatchObject({ code: 1, result: { code: "CTXPACK_E_PERMISSION" } });
      expect((seeding.result as { message: string }).message).toContain(store.dir);
    },
  );

  it.skipIf(!canSwitch)("may check and measure a store that is in use", async () => {
    const dir = workplace();
    chmodSync(dir, 0o755);
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
    await store.tree(uriFor("t"));
    await store.claim(uriFor("u"));
    await store.displace(folder(join(dir, "moved"), { a: "a" }));
    mkdirSync(join(store.dir, "unfinished"), { mode: 0o700 });
    using _scratch = store.scratch();
    for (const verb of ["check", "sizes"]) {
      expect(await drive([store.dir, verb], nobody)).toMatchObject({ code: 0, stderr: "" });
    }
    const { code, result } = await drive([store.dir, "collect", "0", "0"], nobody);
    expect({ code, result }).toMatchObject({ code: 0, result: { applied: false, refused: [] } });
    const checked = await drive([store.dir, "check"], nobody);
    expect(checked.result).toMatchObject({ clean: true, damages: [] });
  });

  it.skipIf(!canSwitch)(
    "leaves things that stop nothing: they are named, and the rest goes",
    async () => {
      const dir = workplace();
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, "home"));
      chownSync(join(dir, "home"), 65534, 65534);
      const out = folder(join(dir, "out"), { f: noise(300_000) });
      const store = join(dir, "home/store");
      const other = contract.replace('"t"', '"u"');
      expect((await drive([store, "seed", out, contract], nobody)).code).toBe(0);
      // Of root, in folders of the store's user: in the trash, a killed process's folder, and among the trees.
      const trash = join(store, "trash/20260101T000000Z-00000000");
      const dead = join(store, "tmp/0badc0de.1.4194304.1.00000000");
      const tree = join(store, "trees/aa", "a".repeat(64));
      for (const path of [trash, dead]) {
        folder(join(path, "roots"), { f: "f" });
        folder(path, { a: "a", z: "z" });
        chownSync(join(path, ".."), 65534, 65534);
        chownSync(path, 65534, 65534);
      }
      folder(join(tree, "files"), { f: "f" });
      chownSync(join(store, "trees"), 65534, 65534);
      chownSync(join(store, "trees/aa"), 65534, 65534);
      for (const path of [trash, dead, tree]) utimesSync(path, 0, 0);
      // Every seed clears what is there.
      expect(await drive([store, "seed", out, other], nobody)).toMatchObject({ code: 0 });
      expect(readdirSync(dead)).toEqual(["roots"]);
      for (const name of readdirSync(join(store, "blobs/sha256")))
        utimesSync(join(store, "blobs/sha256", name), 0, 0);
      expect((await drive([store, "remove", uriFor("t")], nobody)).code).toBe(0);
      const { code, result } = await drive([store, "collect", "1000000000", "1"], nobody);
      expect({ code, result }).toMatchObject({
        code: 0,
        result: {
          refused: [trash, tree],
          trees: [],
          leftovers: { count: 0 },
          // The manifest and the contract of what was removed: the rest is shared.
          blobs: { count: 2 },
        },
      });
      expect(readdirSync(trash)).toEqual(["roots"]);
      // What went has made them new.
      for (const path of [trash, dead]) utimesSync(path, 0, 0);
      const repaired = await drive([store, "repair"], nobody);
      const refused = (repaired.result as CheckReport).damages.filter((d) => d.state === "refused");
      expect(refused.map(({ path }) => path)).toEqual(expect.arrayContaining([trash, dead]));
    },
  );

  it.skipIf(!canSwitch)(
    "leaves what it was extracting in a shared folder, and nobody minds",
    async () => {
      const dir = workplace();
      chmodSync(dir, 0o1777);
      const store = await openStore(join(dir, "store"));
      await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
      const precious = folder(join(dir, "precious"), { mine: "mine" });
      chownSync(precious, 65534, 65534);
      chownSync(join(precious, "mine"), 65534, 65534);
      const stale = join(dir, ".ctxpack-00000000.1.999999.1.0000000");
      folder(`${stale}0`, { x: "" });
      symlinkSync(precious, `${stale}1`);
      folder(`${stale}2`, { x: "" });
      for (const path of [`${stale}2/x`, `${stale}2`]) chownSync(path, 65534, 65534);
      execFileSync("touch", ["-h", "-d", "2 hours ago", `${stale}0`, `${stale}1`, `${stale}2`]);
      const to = join(dir, "to");
      expect(await drive([store.dir, "extract", uriFor("t"), to], nobody)).toMatchObject({
        code: 0,
      });
      expect(look(to)).toEqual(sampleSeen);
      expect(existsSync(`${stale}0/x`)).toBe(true);
      expect(existsSync(`${stale}2`), "what is its own").toBe(false);
      expect(look(precious)).toEqual({ mine: "mine" });
    },
  );

  it.skipIf(!canSwitch)("is told which file of an output it may not read", async () => {
    const dir = workplace();
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, "home"));
    chownSync(join(dir, "home"), 65534, 65534);
    const out = folder(join(dir, "out"), sample);
    chmodSync(join(out, "docs/ünï.md"), 0o600);
    const ended = await drive([join(dir, "home/store"), "seed", out, contract], nobody);
    expect(ended).toMatchObject({ code: 1, result: { code: "CTXPACK_E_PERMISSION" } });
    expect((ended.result as { message: string }).message).toContain("docs/ünï.md");
  });

  it.skipIf(!canSwitch)(
    "clears its own read-only folders, which no plain removal could",
    async () => {
      const dir = workplace();
      chmodSync(dir, 0o755);
      mkdirSync(join(dir, "home"));
      chownSync(join(dir, "home"), 65534, 65534);
      const out = folder(join(dir, "out"), sample);
      const store = join(dir, "home/store");
      expect((await drive([store, "seed", out, contract], nobody)).code).toBe(0);
      const killed = await drive([store, "tree", uriFor("t"), "--kill", "publish:1"], nobody);
      expect(killed.signal).toBe("SIGKILL");
      expect(readdirSync(join(store, "tmp"))).toHaveLength(1);
      expect((await drive([store, "seed", out, contract.replace('"t"', '"u"')], nobody)).code).toBe(
        0,
      );
      expect(readdirSync(join(store, "tmp"))).toEqual([]);
    },
  );
});
