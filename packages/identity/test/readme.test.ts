import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const packageDir = fileURLToPath(new URL("..", import.meta.url));

it("the README's first example prints what its comments say", () => {
  const readme = readFileSync(join(packageDir, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-readme-"));
  try {
    mkdirSync(join(folder, "node_modules/@ctxpack"), { recursive: true });
    symlinkSync(packageDir, join(folder, "node_modules/@ctxpack/identity"));
    writeFileSync(join(folder, "example.mts"), example);
    const command = ["--conditions=@ctxpack/source", "example.mts"];
    const printed = execFileSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
    const comments = [...example.matchAll(/\/\/ (.*)…$/gm)].map((match) => match[1] ?? "");
    expect(comments).toHaveLength(2);
    const lines = printed.trimEnd().split("\n");
    expect(lines.map((line, index) => line.slice(0, comments[index]?.length))).toEqual(comments);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
