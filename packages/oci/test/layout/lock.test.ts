import { chmodSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileLock } from "../../src/layout/lock.ts";
import { workplace } from "../workplace.ts";
import { Child } from "./child.ts";

const place = workplace();

describe("FileLock", () => {
  it("is held by one at a time and leaves an empty file and nothing else", async () => {
    const dir = await place();
    const path = join(dir, "lock");
    const first = FileLock.tryAcquire(path);
    expect(first).toBeDefined();
    expect(FileLock.tryAcquire(path)).toBeUndefined();
    expect(readdirSync(dir)).toEqual(["lock"]);
    first?.release();
    const second = FileLock.tryAcquire(path);
    expect(second).toBeDefined();
    second?.release();
    expect(statSync(path).size).toBe(0);
    expect(readdirSync(dir)).toEqual(["lock"]);
  });

  it("stays held when another connection of the same process gives up", async () => {
    // Closing any descriptor of a file drops a process's fcntl locks on it, unless one takes care.
    const path = join(await place(), "lock");
    const lock = FileLock.tryAcquire(path);
    expect(FileLock.tryAcquire(path)).toBeUndefined();
    const child = new Child("hold", path);
    await expect(FileLock.acquire(path, { waitMs: 300 })).rejects.toMatchObject({
      code: "CTXPACK_E_LOCKED",
    });
    expect(child.output).toBe("");
    lock?.release();
    await child.says("held");
    await child.kill();
  });

  it("is waited for, for so long and no longer", async () => {
    const path = join(await place(), "lock");
    const child = new Child("hold", path);
    await child.says("held");
    await expect(FileLock.acquire(path, { waitMs: 50 })).rejects.toMatchObject({
      code: "CTXPACK_E_LOCKED",
      message: expect.stringContaining(path),
    });
    const stop = new AbortController();
    const waiting = FileLock.acquire(path, { waitMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(waiting).rejects.toThrow("enough");
    await child.kill();
  });

  it("is free the moment its holder is killed, with nothing to clean up", async () => {
    const path = join(await place(), "lock");
    const child = new Child("hold", path);
    await child.says("held");
    expect(FileLock.tryAcquire(path)).toBeUndefined();
    await child.kill();
    const lock = FileLock.tryAcquire(path);
    expect(lock).toBeDefined();
    lock?.release();
  });

  it("is not taken on what somebody put in its place", async () => {
    const dir = await place();
    writeFileSync(join(dir, "database"), "SQLite format 3\0");
    symlinkSync(join(dir, "elsewhere"), join(dir, "link"));
    for (const name of ["database", "link"]) {
      expect(() => FileLock.tryAcquire(join(dir, name))).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_LAYOUT" }),
      );
    }
    expect(readdirSync(dir).sort()).toEqual(["database", "link"]);
  });

  const root = process.getuid?.() === 0;
  if (root) console.warn("skipped: permission of a lock file (needs a user that is not root)");
  it.skipIf(root)("says so when it may not be written", async () => {
    // SQLite would open the file for reading and lock nothing.
    const path = join(await place(), "lock");
    writeFileSync(path, "");
    chmodSync(path, 0o444);
    expect(() => FileLock.tryAcquire(path)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PERMISSION" }),
    );
  });
});
