import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { clear } from "../src/store/clear.ts";

it("the first example of the README runs and prints what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
    symlinkSync(modules, join(dir, "node_modules"));
    const source = fileURLToPath(new URL("../src/index.ts", import.meta.url));
    // The package does not depend on itself.
    writeFileSync(
      join(dir, "example.ts"),
      example.replace('"@ctxpack/cache"', JSON.stringify(source)),
    );
    const output = execFileSync(process.execPath, ["--conditions=@ctxpack/source", "example.ts"], {
      cwd: dir,
      encoding: "utf8",
    });
    expect(output).toMatch(/^true true 1\n.*\/trees\/.*\/files\n42\n$/);
  } finally {
    rmSync(join(dir, "node_modules"));
    clear(dir);
  }
});
