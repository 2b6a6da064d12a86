import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { missingProgram, removeReadOnly, scratchFolder } from "../src/index.ts";

it("removes folders that are read-only", () => {
  using folder = scratchFolder();
  const tree = join(folder.path, "tree");
  mkdirSync(join(tree, "deep"), { recursive: true });
  writeFileSync(join(tree, "deep/file"), "");
  chmodSync(join(tree, "deep"), 0o555);
  removeReadOnly(tree);
  expect(existsSync(tree)).toBe(false);
  removeReadOnly(tree);
});

it("tells which programs are missing", () => {
  expect(missingProgram("sh")).toBe(false);
  expect(missingProgram("sh", "no-such-program-here")).toBe(true);
});
