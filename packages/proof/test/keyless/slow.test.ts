// What takes many seconds by its nature, all of it at the same time: each test has services of its own.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FileLock } from "@ctxpack/oci";
import { startSigstore } from "@ctxpack/test-tools";
import { describe, it } from "vitest";
import { managerOf, trustFolder } from "../trust/places.ts";
import { servicesOf, signWith, trustRootOf, verifyWith } from "./sigstore.ts";

describe.concurrent("slowly", () => {
  it("a checkpoint that takes eight seconds", async () => {
    await using own = await startSigstore();
    await own.fault("rekorV2", { delayMs: 8000 });
    await verifyWith(await signWith(servicesOf(own, "rekorV2", "tsa")), trustRootOf(own));
  });

  it("a service that is silent", async ({ expect }) => {
    await using own = await startSigstore();
    await own.fault("tsa", { delayMs: 12_000 });
    const start = performance.now();
    expect(await signWith(servicesOf(own, "tsa")).catch((error: unknown) => error)).toMatchObject({
      code: "CTXPACK_E_TIMEOUT",
      message: expect.stringContaining("did not answer within 10 s"),
    });
    expect(performance.now() - start).toBeGreaterThan(9900);
  });

  it("a refresh in the background has ten seconds", async ({ expect }) => {
    await using own = await startSigstore();
    const directory = trustFolder();
    await managerOf(own, directory).get();
    await own.fault("tuf", { delayMs: 13_000 });
    const manager = managerOf(own, directory, { ttlMs: 0 });
    const start = performance.now();
    await manager.get();
    const { folder } = await manager.status();
    await sleep(7000);
    expect(readdirSync(folder)).not.toContain("failure.json");
    while (!readdirSync(folder).includes("failure.json")) await sleep(50);
    expect(performance.now() - start).toBeLessThan(12_900);
  });

  it("a process that hangs while it refreshes is not waited for for ever", async ({ expect }) => {
    await using own = await startSigstore();
    const directory = trustFolder();
    const { folder } = await managerOf(own, directory).status();
    await managerOf(own, directory).get();
    const lock = FileLock.tryAcquire(join(folder, "refresh.lock"));
    rmSync(join(folder, "entry.json"));
    const start = performance.now();
    const manager = managerOf(own, directory);
    await manager.get();
    expect(performance.now() - start).toBeGreaterThan(14_000);
    // For itself alone: the folder is the holder's.
    expect((await manager.status()).state).toBe("absent");
    lock?.release();
  });
});
