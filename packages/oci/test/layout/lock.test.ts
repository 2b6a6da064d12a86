import { execFileSync } from "node:child_process";
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

  it("says so when it may not be written", async () => {
    // SQLite would open the file for reading and lock nothing.
    const folder = await place();
    const path = join(folder, "lock");
    writeFileSync(path, "");
    chmodSync(path, 0o444);
    chmodSync(folder, 0o755);
    // Root may write everywhere: somebody else asks.
    const source = new URL("../../src/layout/lock.ts", import.meta.url).href;
    const script = `const { FileLock } = await import(${JSON.stringify(source)});
      try { FileLock.tryAcquire(${JSON.stringify(path)}); } catch (error) { console.log(error.code); }`;
    const node = ["--conditions=@ctxpack/source", "--input-type=module", "-e", script];
    const other = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
    const [program, ...args] = [...other, process.execPath, ...node] as [string, ...string[]];
    const printed = execFileSync(program, args, { encoding: "utf8", cwd: "/" });
    expect(printed.trim()).toBe("CTXPACK_E_PERMISSION");
  });
});
