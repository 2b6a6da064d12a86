import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { compareRuns } from "../src/compare/compare.ts";
import type { Answer, Row, RunFile } from "../src/run-file.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function row(name: string, walls: readonly number[], peak = 100): Row {
  const samples = walls.map((wall) => ({ wall, cpu: wall / 2, peak }));
  return { name, ours: name.startsWith("`ctxpack"), samples };
}

function run(rows: readonly Row[], figures: Answer["figures"] = []): RunFile {
  const answer = { question: "seed", title: "Seed", rows, figures, notes: [] };
  return {
    schemaVersion: 2,
    scale: "full",
    slept: true,
    started: "2026-01-01T00:00:00.000Z",
    machine: { cpu: "c", cpus: 2, memoryGiB: 24, os: "Linux 6", files: "ext4" },
    versions: { node: "v26.0.0" },
    answers: [answer],
    failures: [],
  };
}

const OURS = "`ctxpack seed`";
const quick = [1, 1.01, 1.02, 1.01, 1];
const slow = quick.map((wall) => wall * 1.5);

describe("compareRuns", () => {
  it("finds nothing between a run and itself", () => {
    const one = run([row(OURS, quick), row("tar", quick)]);
    const { regressions, improvements, missing, rows } = compareRuns(one, one);
    expect({ regressions, improvements, missing, rows }).toEqual({
      ...{ regressions: [], improvements: [], missing: [], rows: 1 },
    });
  });

  it("finds what got slower, in wall and CPU time, and the other way round what got quicker", () => {
    const [a, b] = [run([row(OURS, quick)]), run([row(OURS, slow)])];
    const worse = compareRuns(a, b);
    expect(worse.regressions.map(({ what }) => what)).toEqual(["wall s", "cpu s"]);
    expect(worse.regressions[0]?.ratio).toBeCloseTo(1.5, 1);
    expect(compareRuns(b, a).improvements.map(({ what }) => what)).toEqual(["wall s", "cpu s"]);
    expect(compareRuns(b, a).regressions).toEqual([]);
  });

  it("does not blame us for what the peers of the table went through too", () => {
    const a = run([row(OURS, quick), row("tar", quick)]);
    expect(compareRuns(a, run([row(OURS, slow), row("tar", slow)])).regressions).toEqual([]);
    expect(compareRuns(a, run([row(OURS, slow), row("tar", quick)])).regressions).toHaveLength(2);
  });

  it("does not care about peers that got slower", () => {
    const a = run([row(OURS, quick), row("tar", quick)]);
    const { regressions } = compareRuns(a, run([row(OURS, quick), row("tar", slow)]));
    expect(regressions).toEqual([]);
  });

  it("sees more memory and more bytes", () => {
    const sent = (value: number) => [{ of: OURS, what: "sent", unit: "bytes", value }] as const;
    const a = run([row(OURS, quick)], sent(1000));
    const b = run([row(OURS, quick, 150)], sent(1100));
    expect(compareRuns(a, b).regressions.map(({ what }) => what)).toEqual([
      "peak MiB",
      "sent bytes",
    ]);
    expect(compareRuns(a, run([row(OURS, quick)], sent(1005))).regressions).toEqual([]);
  });

  it("says what was run rarely and what is missing", () => {
    const a = run([row(OURS, [1]), row("`ctxpack gone`", quick)]);
    const { few, tests, missing } = compareRuns(a, run([row(OURS, [1])]));
    expect({ few, tests }).toEqual({ few: 1, tests: 3 });
    expect(missing).toEqual(["seed: Seed: `ctxpack gone`"]);
  });

  it("judges what was run once by a factor of two", () => {
    const a = run([row(OURS, [1])]);
    const worse = compareRuns(a, run([row(OURS, [2.1])])).regressions;
    expect(worse.map(({ what }) => what)).toEqual(["wall s", "cpu s"]);
    expect(compareRuns(a, run([row(OURS, [1.9])])).regressions).toEqual([]);
    expect(compareRuns(a, run([row(OURS, [0.4])])).improvements).toHaveLength(2);
    const peers = (wall: number) => [row(OURS, [wall]), row("tar", [wall])];
    expect(compareRuns(run(peers(1)), run(peers(3))).regressions).toEqual([]);
  });

  it("asks for more of five runs the more rows are looked at, and for little of fifteen", () => {
    const times = (factor: number, runs: number) =>
      Array.from({ length: runs }, (_, i) => factor * (1 + i / 1000));
    const many = (factor: number, runs: number) =>
      run(Array.from({ length: 60 }, (_, i) => row(`${OURS} ${i}`, times(factor, runs))));
    expect(compareRuns(many(1, 5), many(1.2, 5)).regressions).toEqual([]);
    expect(compareRuns(many(1, 5), many(1.45, 5)).regressions).toHaveLength(120);
    expect(compareRuns(many(1, 15), many(1.2, 15)).regressions).toHaveLength(120);
  });

  it("does not take the noise of peers for what the machine does", () => {
    const noisy = [1.5, 1.4, 0.9, 1.5, 0.9];
    const a = run([row(OURS, quick), row("tar", quick)]);
    const slower = quick.map((wall) => wall * 1.45);
    expect(compareRuns(a, run([row(OURS, slower), row("tar", noisy)])).regressions).toHaveLength(2);
  });
});

describe("bench compare", () => {
  function files(...runs: readonly RunFile[]): string[] {
    const dir = mkdtempSync(join(tmpdir(), "ctxpack-compare-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    return runs.map((one, i) => {
      writeFileSync(join(dir, `${i}.json`), JSON.stringify(one));
      return join(dir, `${i}.json`);
    });
  }
  const bench = (...args: readonly string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });

  it("exits with 1 on a regression, 0 without, 2 on what it is not for", () => {
    const [a = "", b = ""] = files(run([row(OURS, quick)]), run([row(OURS, slow)]));
    expect(bench("compare", a, a).status).toBe(0);
    const worse = bench("compare", a, b);
    expect(worse.status).toBe(1);
    expect(worse.stdout).toContain("### Worse");
    expect(bench("compare", b, a).status).toBe(0);
    expect(bench("compare", a).status).toBe(2);
  });

  it("names the file that is no run", () => {
    const [a = ""] = files(run([row(OURS, quick)]));
    const other = join(a, "../other.json");
    writeFileSync(other, '{"schemaVersion":1}');
    const { status, stderr } = bench("compare", a, other);
    expect(status).toBe(2);
    expect(stderr).toContain(`${other}: not a run`);
  });
});
