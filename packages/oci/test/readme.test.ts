import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { workplace } from "./workplace.ts";

const place = workplace();

it("the README's example runs and prints what it says", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] as string;
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((m) => m[1]);
  const dir = await place();
  // Outside the workspace the package has no name, so the example gets its path.
  const index = pathToFileURL(fileURLToPath(new URL("../src/index.ts", import.meta.url)));
  writeFileSync(join(dir, "example.mts"), code.replace('"@ctxpack/oci"', `"${index}"`));
  const child = spawnSync(process.execPath, ["--conditions=@ctxpack/source", "example.mts"], {
    cwd: dir,
    encoding: "utf8",
  });
  expect(child.stderr).toBe("");
  expect(child.stdout).toBe(`${promised.join("\n")}\n`);
  expect((await readdir(dir)).sort()).toEqual(["backup", "example.mts", "pantry"]);
});
