import { spawnSync } from "node:child_process";
import { test } from "vitest";
import { expectReadme } from "../readme.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.log("SKIPPED examples/python: python3 is missing");

test.skipIf(!hasPython)("README.md", async () => {
  await expectReadme(import.meta.dirname, "tiny");
});
