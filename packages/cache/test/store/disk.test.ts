import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
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
