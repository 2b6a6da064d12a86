import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Question } from "../../src/question.ts";
import { reportCommand } from "../../src/report/command.ts";
import { sectionsOf } from "../../src/report/merge.ts";
import { page, unexplained } from "../../src/report/page.ts";
import { pairsOf } from "../../src/report/peers.ts";
import { picturesOf } from "../../src/report/pictures.ts";
import { COLOURS } from "../../src/report/svg.ts";
import { type Answer, type Row, type RunFile, writeRun } from "../../src/run-file.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

function row(name: string, walls: readonly number[], more: Partial<Row> = {}): Row {
  const samples = walls.map((wall) => ({ wall, cpu: wall / 2, peak: 100 }));
  return { name, ours: name.startsWith("`ctxpack"), samples, ...more };
}

function runOf(answers: readonly Answer[], started = "2026-01-01T00:00:00.000Z"): RunFile {
  return {
    ...{ schemaVersion: 2, scale: "full", slept: true, started, answers, failures: [] },
    machine: { cpu: "c", cpus: 2, memoryGiB: 24, os: "Linux 6", files: "ext4" },
    versions: { node: "v26.0.0", restic: null },
  };
}

function seed(rows: readonly Row[], more: Partial<Answer> = {}): Answer {
  return { question: "seed", title: "Seed", rows, notes: [], ...more };
}

const OURS = "`ctxpack seed`";
const two = [2, 2.01, 2.02, 2.01, 2];
const one = [1, 1.01, 1.02, 1.01, 1];
const asked: Question = {
  ...{ name: "seed", about: "store a folder", rounds: () => [] },
  whys: { tar: "It computes no digests." },
};

async function text(runs: readonly RunFile[]): Promise<string> {
  const sections = sectionsOf(runs, ["seed"]);
  const pictures = (await Promise.all(sections.map(picturesOf))).flat();
  return page({ sections, questions: [asked], pictures });
}

describe("BENCHMARKS.md", () => {
  it("says where a peer wins and why, from the figures", async () => {
    const said = await text([runOf([seed([row(OURS, two), row("`tar \\| zstd`", one)])])]);
    expect(said).toContain(
      "**`tar \\| zstd` wins**: `ctxpack seed` takes 1.99 times as long (1.01 s against 2.01 s). It computes no digests.",
    );
    expect(said).toContain("| **1.99** |");
  });

  it("says where ours wins, and where neither does", async () => {
    const rows = [row(OURS, one), row("restic", two), row("borg", one)];
    const said = await text([runOf([seed(rows)])]);
    expect(said).toContain("`ctxpack seed` wins over restic, which takes 1.99 times as long");
    expect(said).toContain("`ctxpack seed` and borg do not differ by more than noise");
    expect(said).not.toContain("wins**:");
  });

  it("shows medians, least and most, and the versions of programs", async () => {
    const said = await text([runOf([seed([row(OURS, [3, 1, 2])])])]);
    expect(said).toContain("| **`ctxpack seed`** | 2.00 | 1.00 – 3.00 | 1.00 | 1.00 | 100 | 3 |");
    expect(said).toContain("| restic | absent |");
  });

  it("shows what is counted, and a growth exponent", async () => {
    const grows = (size: number) => ({ what: "seed", size, unit: "files" });
    const rows = [10, 100, 1000].map((size) =>
      row(`${OURS} ${size}`, [size / 50], { grows: grows(size) }),
    );
    const figures = [{ of: OURS, what: "sent", unit: "bytes", value: 1_500_000 } as const];
    const said = await text([runOf([seed(rows, { figures })])]);
    expect(said).toContain("|  | sent, MB |");
    expect(said).toContain("| `ctxpack seed` | 1.500 |");
    expect(said).toContain(
      "| seed | 10 files | 0.200 | 0.100 | 1.00e+4 | 100 | 1.00 | 1.00 | 1.00 |",
    );
    expect(said).toContain("seed-growth-files.svg");
  });

  it("takes a question from the last run that asked it, whole", async () => {
    const old = runOf([seed([row(OURS, two)]), seed([row(OURS, two)], { title: "Old" })]);
    const now = runOf([seed([row(OURS, one)])], "2026-02-01T00:00:00.000Z");
    for (const runs of [
      [old, now],
      [now, old],
    ]) {
      const said = await text(runs);
      expect(said).toContain("| 1.01 |");
      expect(said).not.toContain("Old");
      expect(said).not.toContain("2026-01-01");
    }
  });

  it("takes no run in which the question failed while there is one in which it did not", async () => {
    const whole = runOf([seed([row(OURS, one)])]);
    const started = "2026-02-01T00:00:00.000Z";
    const part = runOf([seed([row(OURS, two)], { title: "Half" })], started);
    const failed = { ...part, failures: [{ question: "seed", error: "no disk" }] };
    expect(await text([whole, failed])).not.toContain("Half");
    expect(await text([failed])).toContain("Half");
    expect(
      await text([whole, { ...part, failures: [{ question: "pull", error: "x" }] }]),
    ).toContain("Half");
  });

  it("shows a floor in its table and races nobody against it", async () => {
    const rows = [row(OURS, two), row("`node -e 0`", one), row("tar", [1.5, 1.5, 1.5, 1.5, 1.5])];
    const said = await text([runOf([seed(rows)])]);
    expect(said).toContain("| `node -e 0` (floor) |");
    expect(said).not.toContain("`node -e 0` wins");
    expect(said).toContain("| tar | 1.50 |");
    const flagged = seed([row(OURS, two), { ...row("true", one), floor: true } as Row]);
    expect(pairsOf(flagged)).toEqual([]);
  });

  it("is the same every time", async () => {
    const runs = [runOf([seed([row(OURS, one), row("tar", two)])])];
    expect(await text(runs)).toBe(await text(runs));
  });
});

it("compares a peer with the row of ours that it names", () => {
  const rows = [row("`ctxpack map`, first", two), row("`ctxpack map`, again", one)];
  const [pair] = pairsOf(seed([...rows, row("make", two, { against: "again" })]));
  expect(pair?.ours.name).toBe("`ctxpack map`, again");
  expect(pair?.verdict).toBe("ours");
});

it("names peers that win without a reason", () => {
  const sections = sectionsOf(
    [runOf([seed([row(OURS, two), row("tar", one), row("zip", one)])])],
    [],
  );
  expect(unexplained(sections, [asked]).map(({ peer }) => peer.name)).toEqual(["zip"]);
});

describe("pictures", () => {
  const rows = [row(OURS, one), row("a <peer> & more", two)];
  const section = sectionsOf([runOf([seed(rows)])], [])[0];

  it("hold everything they need, the same every time", async () => {
    if (!section) throw new Error("no section");
    const [[first], [second]] = [await picturesOf(section), await picturesOf(section)];
    const svg = first?.svg ?? "";
    expect(svg).toBe(second?.svg);
    expect(svg).toMatch(/^<svg [^>]*viewBox=/);
    expect(svg).toContain("a &lt;peer&gt; &amp; more");
    expect(svg).not.toMatch(/<script|<image|href=|url\(http|@import/);
  });

  it("are legible on dark too: each colour has its counterpart", async () => {
    if (!section) throw new Error("no section");
    const [picture] = await picturesOf(section);
    const body = picture?.svg.replace(/<style>.*<\/style>/s, "") ?? "";
    const used = new Set(
      Array.from(body.matchAll(/(?:fill|stroke)="(#[0-9a-f]+)"/g), ([, c]) => c),
    );
    expect(used.size).toBeGreaterThan(3);
    const known = Object.values(COLOURS).map(([light]) => light as string);
    expect([...used].filter((colour) => !known.includes(colour ?? ""))).toEqual([]);
  });
});

describe("bench report", () => {
  function folder(): string {
    const dir = mkdtempSync(join(tmpdir(), "ctxpack-report-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    return dir;
  }

  it("writes the page and the pictures that it shows, and takes away others", async () => {
    const dir = folder();
    const file = join(dir, "run.json");
    for (const question of ["pull", "seed"]) {
      writeRun(file, runOf([{ ...seed([row(OURS, one)]), question }]));
      expect(await reportCommand([file], dir)).toBe(0);
    }
    expect(readdirSync(join(dir, "benchmarks/charts"))).toEqual(["seed.svg"]);
    const said = readFileSync(join(dir, "BENCHMARKS.md"), "utf8");
    for (const [, shown = ""] of said.matchAll(/\]\((benchmarks\/charts\/[^)]+)\)/g)) {
      expect(existsSync(join(dir, shown))).toBe(true);
    }
  });

  const results = globSync("benchmarks/results/*.json", { cwd: ROOT }).sort();
  if (results.length === 0) console.warn("skipped: no results are committed yet");
  it.skipIf(results.length === 0)("made what is committed: nobody edited it", async () => {
    const dir = folder();
    await reportCommand(
      results.map((file) => join(ROOT, file)),
      dir,
    );
    const read = (root: string) =>
      ["BENCHMARKS.md", ...globSync("benchmarks/charts/*.svg", { cwd: root }).sort()].map(
        (file) => [file, readFileSync(join(root, file), "utf8")] as const,
      );
    expect(read(ROOT)).toEqual(read(dir));
  });
});
