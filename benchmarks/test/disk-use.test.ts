import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { diskUse } from "../src/disk-use.ts";

it("counts a file with several names once, and folders with their files", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-disk-use-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "a"));
  writeFileSync(join(dir, "a/one"), Buffer.alloc(100_000, 1));
  const once = diskUse(dir);
  expect(once.content).toBe(100_000);
  expect(once.blocks).toBeGreaterThanOrEqual(100_000);
  linkSync(join(dir, "a/one"), join(dir, "two"));
  expect(diskUse(dir)).toEqual(once);
  writeFileSync(join(dir, "three"), Buffer.alloc(5_000, 1));
  expect(diskUse(dir).content).toBe(105_000);
  expect(diskUse(dir).blocks).toBeGreaterThanOrEqual(once.blocks + 5_000);
});
