import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256 } from "@ctxpack/identity";
import { parseTrustRoot, pruneTrustDirectory, TrustRootManager } from "@ctxpack/proof";
import { startSigstore } from "@ctxpack/test-tools";
import { describe, expect, it } from "vitest";
import { formatEntry, parseEntry } from "../../src/trust/cache-entry.ts";
import { sigstore } from "../keyless/sigstore.ts";
import { managerOf, mirrorOf, trustFolder } from "./places.ts";

const services = sigstore();

async function asked(): Promise<string[]> {
  return (await services.now.requests("tuf")).map(({ url }) => url);
}

/** Changes the entry so that its checksum is right. */
function changeEntry(folder: string, change: object): void {
  const file = join(folder, "entry.json");
  const entry = parseEntry(readFileSync(file));
  if (entry === undefined) throw new Error("no entry");
  writeFileSync(file, formatEntry({ ...entry, ...change }));
}

describe("TrustRootManager", () => {
  it("gets a trust root once, and needs no request while it is fresh", async () => {
    const directory = trustFolder();
    await asked();
    const cold = managerOf(services.now, directory);
    const expected = parseTrustRoot("mock", Buffer.from(services.now.trustedRoot));
    expect(await cold.get()).toEqual(expected);
    expect(await asked()).toEqual([
      "/2.root.json",
      "/timestamp.json",
      "/1.snapshot.json",
      "/1.targets.json",
      `/targets/${sha256(Buffer.from(services.now.trustedRoot)).slice(7)}.trusted_root.json`,
    ]);
    expect(await cold.get()).toEqual(expected);
    const warm = managerOf(services.now, directory);
    expect(await warm.get()).toEqual(expected);
    expect(await asked()).toEqual([]);
    expect(cold.counted).toEqual([
      "cache.miss_count",
      "trust_root.refresh_ms",
      "cache.refresh_count ok",
      "cache.hit_count",
    ]);
    expect(warm.counted).toEqual(["cache.hit_count"]);
  });

  it("keeps public data only, which its owner alone can read", async () => {
    const directory = join(trustFolder(), "deep", "trust");
    const manager = managerOf(services.now, directory);
    await manager.get();
    const { folder } = await manager.status();
    expect(readdirSync(folder).sort()).toEqual(["entry.json", "objects", "refresh.lock"]);
    // No root after the pinned one, three roles, and the target.
    expect(readdirSync(join(folder, "objects"))).toHaveLength(4);
    for (const path of [directory, folder, join(folder, "objects")]) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
    expect(statSync(join(folder, "entry.json")).mode & 0o777).toBe(0o600);
  });

  it("tells what it has", async () => {
    const directory = trustFolder();
    const manager = managerOf(services.now, directory);
    expect(await manager.status()).toEqual({
      name: "mock",
      mirror: `${services.now.urls.tuf}/`,
      folder: expect.stringContaining(directory),
      state: "absent",
    });
    await manager.get();
    const status = await manager.status();
    expect(status).toMatchObject({
      state: "fresh",
      rootVersion: 1,
      digest: sha256(Buffer.from(services.now.trustedRoot)),
    });
    expect((status.softExpiresAt?.getTime() ?? 0) - (status.fetchedAt?.getTime() ?? 0)).toBe(
      86_400_000,
    );
    expect((await managerOf(services.now, directory, { ttlMs: 0 }).status()).state).toBe("stale");
    await manager.clear();
    expect((await manager.status()).state).toBe("absent");
  });

  it("serves what is older, and renews it behind the caller's back", async () => {
    const directory = trustFolder();
    await managerOf(services.now, directory).get();
    await asked();
    const manager = managerOf(services.now, directory, { ttlMs: 0 });
    await services.now.fault("tuf", { delayMs: 800 });
    const before = (await manager.status()).fetchedAt;
    await manager.get();
    expect((await manager.status()).fetchedAt).toEqual(before);
    await manager[Symbol.asyncDispose]();
    expect(await asked()).toEqual(["/2.root.json", "/timestamp.json"]);
    expect((await manager.status()).fetchedAt).not.toEqual(before);
    expect(manager.counted).toContain("cache.stale_served_count");
  });

  it("does not wait longer than two seconds at the end, and asks less often after failures", async () => {
    const directory = trustFolder();
    await managerOf(services.now, directory).get();
    await services.now.fault("tuf", { delayMs: 8000 });
    const manager = managerOf(services.now, directory, { ttlMs: 0 });
    await manager.get();
    const start = performance.now();
    await manager[Symbol.asyncDispose]();
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThan(4000);
    const { folder } = await manager.status();
    const failure = join(folder, "failure.json");
    while (!readdirSync(folder).includes("failure.json")) await sleep(20);
    expect(JSON.parse(readFileSync(failure, "utf8"))).toMatchObject({ v: 1, count: 1 });
    writeFileSync(failure, JSON.stringify({ v: 1, count: 3, retryAt: Date.now() + 60_000 }));
    await asked();
    const other = managerOf(services.now, directory, { ttlMs: 0 });
    await other.get();
    await other[Symbol.asyncDispose]();
    expect(await asked()).toEqual([]);
    // Who asks for it does not wait, and success ends it.
    await managerOf(services.now, directory).refresh();
    expect(readdirSync(folder)).not.toContain("failure.json");
  });

  it("takes a time from the future for no time at all", async () => {
    const directory = trustFolder();
    const first = managerOf(services.now, directory);
    await first.get();
    changeEntry((await first.status()).folder, { fetchedAt: Date.now() + 86_400_000 });
    const manager = managerOf(services.now, directory);
    expect((await manager.status()).state).toBe("stale");
    await manager.get();
    await manager[Symbol.asyncDispose]();
    expect((await manager.status()).state).toBe("fresh");
  });

  it("follows new roots, and keeps them", async () => {
    await using own = await startSigstore();
    const directory = trustFolder();
    await managerOf(own, directory).get();
    await own.rotateRoot();
    await own.rotateRoot();
    const manager = managerOf(own, directory);
    await manager.refresh();
    expect(await manager.status()).toMatchObject({ state: "fresh", rootVersion: 3 });
    // A new process goes from the pinned root through all of them, without a request.
    await own.requests("tuf");
    const warm = managerOf(own, directory);
    await warm.get();
    expect(await warm.status()).toMatchObject({ rootVersion: 3 });
    expect(await own.requests("tuf")).toEqual([]);
  });

  it("takes over a new trusted_root.json", async () => {
    await using own = await startSigstore();
    const directory = trustFolder();
    const manager = managerOf(own, directory);
    await manager.get();
    const changed = JSON.stringify({ ...JSON.parse(own.trustedRoot), ctlogs: [] });
    await own.publish({ content: changed });
    expect((await manager.refresh()).certificateLogs).toEqual([]);
    expect(await manager.export()).toEqual(Buffer.from(changed));
    // What is not named any more is kept for an hour, for who has just read the older entry.
    const objects = join((await manager.status()).folder, "objects");
    expect(readdirSync(objects)).toHaveLength(8);
    for (const name of readdirSync(objects)) utimesSync(join(objects, name), 0, 0);
    writeFileSync(join(objects, ".tmp-1-0"), "");
    utimesSync(join(objects, ".tmp-1-0"), 0, 0);
    await own.publish({ content: changed });
    await manager.refresh();
    expect(readdirSync(objects)).toHaveLength(4);
  });

  it("shares one refresh among many callers; who is aborted stops alone", async () => {
    const manager = managerOf(services.now, trustFolder());
    await asked();
    await services.now.fault("tuf", { delayMs: 200 });
    const stop = new AbortController();
    const [one, other, aborted] = [
      manager.get(),
      manager.get(),
      manager.get({ signal: stop.signal }),
    ];
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await expect(aborted).rejects.toThrow("enough");
    expect(await one).toBe(await other);
    expect(await asked()).toHaveLength(5);
    await expect(manager.get({ signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  });

  it("works from memory where nothing can be written", async () => {
    const file = join(trustFolder(), "file");
    writeFileSync(file, "");
    const manager = managerOf(services.now, join(file, "trust"));
    await manager.get();
    await asked();
    await manager.get();
    expect(await asked()).toEqual([]);
    expect(readFileSync(file, "utf8")).toBe("");
  });

  it("writes nothing where a link leads out of the folder", async () => {
    const directory = trustFolder();
    const { folder } = await managerOf(services.now, directory).status();
    for (const target of [join(directory, "elsewhere"), "/nonexistent", folder]) {
      mkdirSync(join(directory, "elsewhere"), { recursive: true });
      symlinkSync(target, folder);
      await managerOf(services.now, directory).get();
      expect(readdirSync(join(directory, "elsewhere"))).toEqual([]);
      unlinkSync(folder);
    }
  });

  it("does not keep what it cannot write", async () => {
    const directory = trustFolder();
    const { folder } = await managerOf(services.now, directory).status();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "objects"), "no folder");
    const manager = managerOf(services.now, directory);
    await manager.get();
    expect((await manager.status()).state).toBe("absent");
    expect(readFileSync(join(folder, "objects"), "utf8")).toBe("no folder");
  });

  it("keeps an imported trust root for who names its digest", async () => {
    const directory = trustFolder();
    const source = managerOf(services.now, trustFolder());
    const digest = await source.import(await source.export());
    await expect(new TrustRootManager({ directory, imported: digest }).get()).rejects.toMatchObject(
      { code: "CTXPACK_E_PROOF_TRUST_ROOT", message: /is not there/ },
    );
    const target = new TrustRootManager({ directory, imported: digest, offline: true });
    await target.import(await source.export());
    expect((await target.get()).logs).toHaveLength(2);
    expect(await target.export()).toEqual(await source.export());
    const file = join(directory, "imported", `${digest.slice(7)}.json`);
    writeFileSync(file, readFileSync(file, "utf8").replace("sigstore.mock", "sigstore.evil"));
    await expect(target.get()).rejects.toMatchObject({ message: /was changed/ });
    await expect(target.import(Buffer.from("{}"))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_TRUST_ROOT",
    });
    await expect(target.import(Buffer.alloc(5 << 20))).rejects.toMatchObject({
      message: /more than/,
    });
  });

  it("wants the root of a mirror pinned", async () => {
    const mirror = { ...mirrorOf(services.now), rootDigest: sha256(Buffer.from("another")) };
    const manager = managerOf(services.now, trustFolder(), { mirror });
    await expect(manager.get()).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
      message: "the TUF root of mock is not the one that is pinned",
    });
    const plain = { ...mirrorOf(services.now), url: "http://tuf.example" };
    await expect(
      managerOf(services.now, trustFolder(), { mirror: plain }).get(),
    ).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
  });
});

describe("pruneTrustDirectory", () => {
  it("removes what was not used for 30 days, and nothing that is not ours", async () => {
    const directory = trustFolder();
    const manager = managerOf(services.now, directory);
    await manager.get();
    const { folder } = await manager.status();
    const days = (count: number) => Date.now() / 1000 - count * 86_400;
    for (const name of [`old.example-${"0".repeat(16)}`, "something-else"]) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, "entry.json"), "{}");
      utimesSync(join(directory, name, "entry.json"), days(31), days(31));
    }
    // A use counts, once a day.
    utimesSync(join(folder, "entry.json"), days(29), days(29));
    await managerOf(services.now, directory).get();
    expect(Date.now() - statSync(join(folder, "entry.json")).mtimeMs).toBeLessThan(60_000);
    expect(await pruneTrustDirectory(directory)).toEqual([`old.example-${"0".repeat(16)}`]);
    expect(readdirSync(directory).sort()).toEqual(
      [folder.slice(directory.length + 1), "something-else"].sort(),
    );
    expect(await pruneTrustDirectory(join(directory, "nowhere"))).toEqual([]);
  });

  it("removes what was imported and not used for 30 days", async () => {
    const directory = trustFolder();
    const manager = managerOf(services.now, directory);
    const bytes = await manager.export();
    const used = await manager.import(bytes);
    const unused = await manager.import(Buffer.concat([bytes, Buffer.from("\n")]));
    const imported = join(directory, "imported");
    const nameOf = (digest: string) => `${digest.slice("sha256:".length)}.json`;
    writeFileSync(join(imported, "notes.txt"), "not ours");
    for (const name of readdirSync(imported)) {
      utimesSync(join(imported, name), 0, 0);
    }
    // A use counts.
    await new TrustRootManager({ directory, imported: used, offline: true }).get();
    expect(await pruneTrustDirectory(directory)).toEqual([join("imported", nameOf(unused))]);
    expect(readdirSync(imported).sort()).toEqual([nameOf(used), "notes.txt"].sort());
  });
});
