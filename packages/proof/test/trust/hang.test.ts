import { rmSync } from "node:fs";
import { join } from "node:path";
import { FileLock } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { sigstore } from "../keyless/sigstore.ts";
import { managerOf, trustFolder } from "./places.ts";

const services = sigstore();

describe("the lock of those who refresh", () => {
  it("does not wait for ever for one that hangs", async () => {
    const directory = trustFolder();
    const { folder } = await managerOf(services.now, directory).status();
    await managerOf(services.now, directory).get();
    const lock = FileLock.tryAcquire(join(folder, "refresh.lock"));
    rmSync(join(folder, "entry.json"));
    const start = performance.now();
    const manager = managerOf(services.now, directory);
    await manager.get();
    expect(performance.now() - start).toBeGreaterThan(14_000);
    // For itself alone: the folder is the holder's.
    expect((await manager.status()).state).toBe("absent");
    lock?.release();
  });
});
