import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./document.ts";

test("docs/reference is what scripts/docs.ts makes of the code", () => {
  const done = spawnSync(process.execPath, [join(root, "scripts/docs.ts")], { encoding: "utf8" });
  expect([done.status, done.stderr]).toEqual([0, ""]);
});
