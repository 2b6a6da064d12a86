import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TrustRootManager } from "@ctxpack/proof";
import { startSigstore } from "@ctxpack/test-tools";
import { describe, expect, it } from "vitest";
import { formatEntry, parseEntry } from "../../src/trust/cache-entry.ts";
import { sigstore } from "../keyless/sigstore.ts";
import { managerOf, trustFolder } from "./places.ts";

const services = sigstore();

const REFUSED = { code: "CTXPACK_E_PROOF_TRUST_ROOT", hint: expect.any(String) };

/** A trust directory with a trust root in it, and where that lies. */
async function filled(): Promise<{ readonly directory: string; readonly folder: string }> {
  const directory = trustFolder();
  const manager = managerOf(services.now, directory);
  await manager.get();
  return { directory, folder: (await manager.status()).folder };
}

/** That it is noticed, put aside, and got again. */
async function expectRecovery(directory: string): Promise<void> {
  const offline = managerOf(services.now, directory, { offline: true });
  expect((await offline.status()).state).toBe("corrupt");
  await expect(offline.get()).rejects.toMatchObject(REFUSED);
  const manager = managerOf(services.now, directory);
  await manager.get();
  expect(manager.counted).toContain("cache.corrupt_count");
  const { folder, state } = await manager.status();
  expect(state).toBe("fresh");
  expect(readdirSync(folder)).toContain("entry.json.bad");
}

describe("a damaged cache", () => {
  it.each([
    ["cut short", (file: string) => truncateSync(file, statSync(file).size >> 1)],
    ["empty", (file: string) => truncateSync(file, 0)],
    ["no JSON", (file: string) => writeFileSync(file, "\u0000".repeat(500))],
    ["another shape", (file: string) => writeFileSync(file, "[]")],
    ["far too large", (file: string) => writeFileSync(file, " ".repeat(1 << 20))],
    [
      "changed, with its old checksum",
      (file: string) =>
        writeFileSync(
          file,
          readFileSync(file, "utf8").replace('"rootVersion":1', '"rootVersion":2'),
        ),
    ],
  ])("entry.json %s", async (_, damage) => {
    const { directory, folder } = await filled();
    damage(join(folder, "entry.json"));
    await expectRecovery(directory);
  });

  it.each([
    ["cut short", (file: string) => truncateSync(file, statSync(file).size >> 1)],
    ["gone", (file: string) => rmSync(file)],
    [
      "changed",
      (file: string) => writeFileSync(file, readFileSync(file, "utf8").replace("a", "b")),
    ],
  ])("an object %s", async (_, damage) => {
    const objects = readdirSync(join((await filled()).folder, "objects"));
    for (const index of objects.keys()) {
      const { directory, folder } = await filled();
      const names = readdirSync(join(folder, "objects"));
      damage(join(folder, "objects", names[index] as string));
      await expectRecovery(directory);
    }
  });

  it("that somebody made with right checksums and without the keys", async () => {
    const { directory, folder } = await filled();
    const file = join(folder, "entry.json");
    const entry = parseEntry(readFileSync(file));
    if (entry === undefined) throw new Error("no entry");
    const evil = Buffer.from(services.now.trustedRoot.replaceAll("sigstore.mock", "sigstore.evil"));
    const { createHash } = await import("node:crypto");
    const sha256 = createHash("sha256").update(evil).digest("hex");
    writeFileSync(join(folder, "objects", sha256), evil);
    const target = { ...entry.target, length: evil.length, sha256 };
    writeFileSync(file, formatEntry({ ...entry, target, hardExpiresAt: Date.now() * 2 }));
    await expectRecovery(directory);
  });

  it("of another repository, whose keys are not the pinned ones", async () => {
    await using other = await startSigstore();
    const manager = managerOf(other, trustFolder());
    await manager.get();
    const foreign = (await manager.status()).folder;
    const { directory, folder } = await filled();
    for (const name of readdirSync(join(foreign, "objects"))) {
      writeFileSync(join(folder, "objects", name), readFileSync(join(foreign, "objects", name)));
    }
    writeFileSync(join(folder, "entry.json"), readFileSync(join(foreign, "entry.json")));
    await expectRecovery(directory);
  });
});

describe("a repository that is not right", () => {
  it("rolled back", async () => {
    await using own = await startSigstore();
    await own.publish();
    const directory = trustFolder();
    await managerOf(own, directory).get();
    await own.rollBack();
    const manager = managerOf(own, directory);
    await expect(manager.refresh()).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining("version 1 is less than current version 2"),
    });
    // What there was stays.
    expect((await manager.get()).logs).toHaveLength(2);
    expect((await manager.status()).state).toBe("fresh");
    expect(manager.counted).toContain("cache.refresh_count failed");
  });

  it.each(["timestamp.json", "snapshot.json", "targets.json", "trusted_root.json"])(
    "a damaged %s",
    async (file) => {
      await using own = await startSigstore();
      await own.damage(file);
      const directory = trustFolder();
      const manager = managerOf(own, directory);
      await expect(manager.get()).rejects.toMatchObject(REFUSED);
      expect((await manager.status()).state).toBe("absent");
    },
  );

  it.each(["timestampExpiresMs", "targetsExpiresMs"])("expired (%s)", async (role) => {
    await using own = await startSigstore();
    await own.publish({ [role]: -1000 });
    await expect(managerOf(own, trustFolder()).get()).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining("expired"),
    });
  });

  it("with a root that the one before it did not sign", async () => {
    await using own = await startSigstore();
    await own.rotateRoot({ unsigned: true });
    await expect(managerOf(own, trustFolder()).get()).rejects.toMatchObject(REFUSED);
  });

  it.each([
    ["too large", { body: " ".repeat(600_000) }, "CTXPACK_E_PROTOCOL"],
    ["a redirect", { status: 302, headers: { location: "/" } }, "CTXPACK_E_PROTOCOL"],
    ["no JSON", { body: "<html>" }, "CTXPACK_E_PROOF_TRUST_ROOT"],
    ["forbidden", { status: 401 }, "CTXPACK_E_AUTH"],
  ])("that answers with something %s", async (_, fault, code) => {
    const manager = managerOf(services.now, trustFolder());
    await services.now.fault("tuf", fault);
    await expect(manager.get()).rejects.toMatchObject({ code });
    await manager.get();
  });

  it("that fails when nobody waits any more", async () => {
    await services.now.fault("tuf", { status: 401, delayMs: 100 });
    const stop = new AbortController();
    const getting = managerOf(services.now, trustFolder()).get({ signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(getting).rejects.toThrow("enough");
    // An error that nobody takes would end the process.
    await sleep(300);
    expect(await services.now.requests("tuf")).not.toHaveLength(0);
  });

  it("that fails a few times", async () => {
    await services.now.fault(
      "tuf",
      { status: 503, headers: { "retry-after": "0" } },
      { reset: true },
    );
    await managerOf(services.now, trustFolder()).get();
  });

  it("that has not the target", async () => {
    await using own = await startSigstore();
    const directory = trustFolder();
    await own.fault("tuf", null, null, null, null, { status: 404 });
    await expect(managerOf(own, directory).get()).rejects.toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringContaining("the trust root mock"),
    });
  });
});

describe("a trust root that expires", () => {
  it("is got again, and refused offline", async () => {
    await using own = await startSigstore();
    const directory = trustFolder();
    await own.publish({ timestampExpiresMs: 4500 });
    const manager: TrustRootManager = managerOf(own, directory);
    await manager.get();
    const offline = managerOf(own, directory, { offline: true });
    await offline.get();
    while ((await manager.status()).state !== "expired") await sleep(100);
    await expect(offline.get()).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/offline, and of the trust root mock .* has expired at/),
    });
    await expect(manager.get()).rejects.toMatchObject(REFUSED);
    await own.publish();
    await manager.get();
    expect((await manager.status()).state).toBe("fresh");
  });
});
