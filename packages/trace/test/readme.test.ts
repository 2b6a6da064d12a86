import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const packageDir = fileURLToPath(new URL("..", import.meta.url));

test("the README's first example prints what its comments say", () => {
  const readme = readFileSync(join(packageDir, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    mkdirSync(join(folder, "node_modules/@ctxpack"), { recursive: true });
    symlinkSync(packageDir, join(folder, "node_modules/@ctxpack/trace"));
    writeFileSync(join(folder, "example.mts"), example);
    const command = ["--conditions=@ctxpack/source", "example.mts"];
    const printed = execFileSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
    const lines = printed.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^messages ctx:\/\/sha256:[0-9a-f]{64}$/);
    expect(lines.slice(1)).toEqual(["0 user -", "1 llm -", "2 tool read_file"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
