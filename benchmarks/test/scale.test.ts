import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { curvesOf } from "../src/report/growth.ts";
import { readRun } from "../src/run-file.ts";
import { marginal, scalePage } from "../src/scale/page.ts";

const DOCS = join(import.meta.dirname, "../../docs");

const isThere = existsSync(join(DOCS, "scale.json"));
if (!isThere)
  console.warn("skipped: docs/scale.md waits for a run of bench scale on a quiet machine");

it.skipIf(!isThere)("holds the page that the run beside it makes", () => {
  const page = readFileSync(join(DOCS, "scale.md"), "utf8");
  expect(page).toBe(scalePage(readRun(join(DOCS, "scale.json"))));
});

it("takes the cost of one more from the two largest sizes, without what every run costs", () => {
  const row = (size: number) => ({
    name: "",
    ours: true,
    grows: { what: "x", size, unit: "files" },
    samples: [{ wall: 9, cpu: 5 + 2 * size }],
  });
  const answer = { question: "scale", title: "", rows: [100, 1, 10].map(row), notes: [] };
  const curves = curvesOf([answer]);
  expect(marginal(curves, "x")).toBeCloseTo(2);
  expect(marginal(curves, "y")).toBeUndefined();
});
