import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, it } from "vitest";

it.for([
  ["the first example", /```ts\n(.*?)```/s, ["ci.pem", "ci.pub", "pack.sigstore.json"]],
  ["the example of an envelope", /## Proof envelopes\n.*?```ts\n(.*?)```/s, undefined],
] as const)("%s of the README runs and prints what it says", ([, pattern, files]) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = pattern.exec(readme)?.[1] as string;
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((m) => m[1]);
  expect(promised.length).toBeGreaterThan(0);
  using scratch = scratchFolder();
  // Outside the workspace the package has no name, so the example gets its path.
  const index = new URL("../src/index.ts", import.meta.url);
  writeFileSync(join(scratch.path, "x.mts"), code.replace('"@ctxpack/proof"', `"${index}"`));
  const child = spawnSync(process.execPath, ["--conditions=@ctxpack/source", "x.mts"], {
    cwd: scratch.path,
    encoding: "utf8",
  });
  expect(child.stderr).toBe("");
  expect(child.stdout).toBe(`${promised.join("\n")}\n`);
  if (files) expect(readdirSync(scratch.path).sort()).toEqual([...files, "x.mts"]);
});
