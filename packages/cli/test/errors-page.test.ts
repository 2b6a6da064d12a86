import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT_CODES } from "../src/exit.ts";

test("docs/errors.md lists every code with its exit code", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(CTXPACK_E_\w+)` \| (\d+) \|/gm)];
  expect(Object.fromEntries(rows.map(([, code, exit]) => [code, Number(exit)]))).toEqual(
    EXIT_CODES,
  );
});
