import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type RunFile, readRun } from "../src/run-file.ts";
import { scalePage } from "../src/scale/page.ts";
import { REGISTRY_CPU } from "../src/scale/sizes.ts";

const PAGE = join(import.meta.dirname, "../../docs/scale.md");
const RESULTS = join(import.meta.dirname, "../results");

it("is the page that the committed run of it makes", () => {
  const runs = readdirSync(RESULTS).map((name) => readRun(join(RESULTS, name)));
  const pages = runs
    .filter(({ answers }) => answers.some(({ question }) => question === "scale"))
    .map(scalePage);
  expect(pages).toContain(readFileSync(PAGE, "utf8"));
});

const grown = (what: string, unit: string, sizes: readonly number[]) => ({
  question: "scale",
  title: what,
  notes: [],
  rows: sizes.map((size) => ({
    name: `${what} ${size}`,
    ours: true,
    grows: { what, size, unit },
    samples: [{ wall: size / 500, cpu: size / 1000 }],
  })),
});

const run: RunFile = {
  ...{ schemaVersion: 2, scale: "full", slept: true, started: "2026-01-01T00:00:00.000Z" },
  machine: { cpu: "c", cpus: 2, memoryGiB: 24, os: "Linux 6", files: "ext4" },
  ...{ versions: {}, failures: [] },
  answers: [
    grown("seed, by files", "files", [100, 1000, 10_000, 100_000]),
    grown("ls", "packs", [10, 1000, 10_000]),
    grown("pull", "clients", [1, 4, 64]),
  ],
};

it("takes a thousand machines from what was measured, and says what was not", () => {
  const page = scalePage(run);
  expect(page).toContain("took 100.00 CPU seconds; 10,000 such packs: 277.8 CPU hours");
  expect(page).toContain("`ls` of 10,000 packs in one store, measured: 20.00 s, 10.00 CPU seconds");
  expect(page).toContain("pulls 50 MB, one of 64 at once");
  expect(page).toContain("CPU seconds of the registry: not measured in this run.");
  expect(scalePage({ ...run, answers: [] })).toContain("not measured in this run");
});

it("counts the cores that a registry needs while its link is busy", () => {
  const figures = [{ ...REGISTRY_CPU, value: 0.05 }];
  const answers = run.answers.map((answer) => ({ ...answer, figures }));
  // 0.05 s for 50 MB is a second for each of a thousand machines, over eight nodes of 100 s.
  expect(scalePage({ ...run, answers })).toContain("1,000 for all machines, 125 on each node");
  expect(scalePage({ ...run, answers })).toContain("which is 1.3 cores");
});
