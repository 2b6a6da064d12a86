import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { diffTexts } from "../../src/drift/text-diff.ts";

test("hunks say which lines they are", () => {
  const a = Array.from({ length: 20 }, (_, n) => `${n}`);
  const b = a.with(4, "x").toSpliced(15, 1);
  expect(diffTexts(a.join("\n"), b.join("\n"))).toEqual({
    whole: true,
    text: [
      "@@ -2,7 +2,7 @@\n 1\n 2\n 3\n-4\n+x\n 5\n 6\n 7",
      "@@ -13,7 +13,6 @@\n 12\n 13\n 14\n-15\n 16\n 17\n 18",
    ].join("\n"),
  });
});

test("patch makes the one text of the other", () => {
  if (spawnSync("patch", ["--version"]).error) {
    process.stderr.write("skipped: no patch\n");
    return;
  }
  const text = fc.array(fc.constantFrom("a", "b", "c", "", "d e"), { minLength: 1, maxLength: 30 });
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-patch-"));
  try {
    fc.assert(
      fc.property(text, text, (one, two) => {
        const [a, b] = [`${one.join("\n")}\nend`, `${two.join("\n")}\nend`];
        const { text: diff, whole } = diffTexts(a, b);
        expect(whole).toBe(true);
        if (a === b) {
          expect(diff).toBe("");
          return;
        }
        writeFileSync(join(dir, "f"), `${a}\n`);
        const input = `--- f\n+++ f\n${diff}\n`;
        const run = spawnSync("patch", ["-o", "-", "-s", "f"], { cwd: dir, input });
        expect(run.stdout.toString()).toBe(`${b}\n`);
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("long lines and long differences are cut, and say so", () => {
  expect(diffTexts("x".repeat(1000), "y")).toMatchObject({ whole: false });
  expect(diffTexts("a\n".repeat(300), "b\n".repeat(300)).text.split("\n")).toHaveLength(200);
  const many = diffTexts("\n".repeat(500_000), `\n${"a\n".repeat(500_000)}`);
  expect(many.whole).toBe(false);
});
