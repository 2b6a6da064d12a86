import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { isGone, ownerName, parseOwner } from "../../src/store/owner.ts";
import { Unfinished } from "../../src/store/unfinished.ts";
import { Workspace } from "../../src/store/workspace.ts";
import { folder, workplace } from "./fixture.ts";

const now = Date.now();
const HOUR = 3_600_000;
const self = parseOwner(ownerName());

describe("isGone", () => {
  it("says no of this process, however long it was silent", () => {
    expect(self && isGone(self, 0, now)).toBe(false);
  });

  it("says yes of a process that was here and is not any more, or whose id is another's now", async () => {
    const child = spawn("sleep", ["60"]);
    const other = self && { ...self, pid: child.pid ?? 0 };
    // The child began after us: its id with our start is nobody.
    if (process.platform === "linux") expect(other && isGone(other, now, now)).toBe(true);
    expect(other && isGone({ ...other, start: "0" }, now, now)).toBe(false);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(other && isGone({ ...other, start: "0" }, now, now)).toBe(true);
  });

  it.each(["boot", "space"] as const)("waits an hour for one of another %s", (what) => {
    const other = self && { ...self, [what]: "12345678" };
    expect(other && isGone(other, now - HOUR / 2, now)).toBe(false);
    expect(other && isGone(other, now - 2 * HOUR, now)).toBe(true);
  });
});

it("two names of one process differ, also where somebody replaced what is random", () => {
  const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
  onTestFinished(() => random.mockRestore());
  const names = Array.from({ length: 1000 }, ownerName);
  expect(new Set(names).size).toBe(1000);
  expect(names.filter((name) => parseOwner(name) === undefined)).toEqual([]);
});

it.each(["", "x", "..", "12345678.1.1.1", "12345678.1.0.1.12345678"])("%j is no owner", (name) => {
  expect(parseOwner(name)).toBeUndefined();
});

describe("workspace", () => {
  it("is made with the first path, clears what the dead have left, and only that", () => {
    const parent = join(workplace(), "tmp");
    const alive = ownerName();
    const dead = ownerName().replace(/\.\d+\.\d+\.(\w+)$/, ".999999999.1.$1");
    folder(join(parent, dead), { "1/files/a": "", "1/files/sub": null });
    mkdirSync(join(parent, alive));
    mkdirSync(join(parent, "not ours"));
    utimesSync(join(parent, "not ours"), 1, 1);
    const workspace = new Workspace(parent, {
      readOnly: false,
      unfinished: new Unfinished(join(parent, "..", "unfinished")),
    });
    expect(readdirSync(parent)).toHaveLength(3);
    const paths = [workspace.path(), workspace.path()];
    expect(new Set(paths).size).toBe(2);
    expect(existsSync(join(parent, dead))).toBe(false);
    expect(readdirSync(parent)).toHaveLength(3);
    workspace.close();
    expect(readdirSync(parent).sort()).toEqual([alive, "not ours"].sort());
  });
});
