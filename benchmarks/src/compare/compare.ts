import type { Sample } from "../measure.ts";
import { median } from "../median.ts";
import type { Answer, Row, RunFile } from "../run-file.ts";
import { canTell, isBeyondNoise, type Shift, shiftOf } from "./noise.ts";

/** What of a sample is compared, and the least difference that its clock can show. */
const MEASURES = [
  { of: "wall", unit: "s", least: 0.01 },
  // GNU time counts hundredths.
  { of: "cpu", unit: "s", least: 0.03 },
  { of: "peak", unit: "MiB", least: 4 },
] as const satisfies readonly { of: keyof Sample; unit: string; least: number }[];

/** A count that grew by more: another zstd changes the bytes of a pack by less. */
const COUNT_MARGIN = 1.01;

/** One row, or one count of a row, that is not what it was. */
export interface Change {
  readonly question: string;
  readonly title: string;
  readonly row: string;
  /** `wall s`, `sent bytes`. */
  readonly what: string;
  /** Medians. */
  readonly before: number;
  readonly after: number;
  readonly ratio: number;
  /** Absent for what is counted. */
  readonly chance?: number;
}

export interface Comparison {
  readonly regressions: readonly Change[];
  readonly improvements: readonly Change[];
  /** Rows of ours that both have. */
  readonly rows: number;
  /** Of these, the ones that were run too rarely to tell. */
  readonly untold: readonly string[];
  /** Rows of ours that only the first has, and questions that failed in the second. */
  readonly missing: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Compares the rows of ours that two runs have in common. What the peers of a table take is taken for what the machine does:
 * where they all take longer, so may we.
 */
export function compareRuns(before: RunFile, after: RunFile): Comparison {
  const regressions: Change[] = [];
  const improvements: Change[] = [];
  const untold: string[] = [];
  const missing = after.failures.map(({ question, error }) => `${question} failed: ${error}`);
  let rows = 0;
  for (const was of before.answers) {
    const is = after.answers.find((one) => isSame(one, was));
    for (const row of was.rows.filter(({ ours }) => ours)) {
      const other = is?.rows.find(({ name }) => name === row.name);
      if (!is || !other) {
        missing.push(`${was.question}: ${was.title}: ${row.name}`);
        continue;
      }
      rows++;
      if (!canTell(row.samples.length, other.samples.length)) {
        untold.push(`${was.title}: ${row.name}`);
        continue;
      }
      const names = { question: was.question, title: was.title, row: row.name };
      for (const measure of MEASURES) {
        const drift = measure.of === "peak" ? 1 : driftOf(was, is, measure.of);
        const change = changeOf(row, other, measure, drift);
        if (change?.worse) regressions.push({ ...names, ...change.change });
        if (change?.better) improvements.push({ ...names, ...change.change });
      }
    }
    if (is) {
      for (const change of countChanges(was, is)) {
        (change.ratio > 1 ? regressions : improvements).push(change);
      }
    }
  }
  return { regressions, improvements, rows, untold, missing, notes: notesOn(before, after) };
}

function isSame(a: Answer, b: Answer): boolean {
  return a.question === b.question && a.title === b.title && a.rows.length > 0;
}

interface Judged {
  readonly worse: boolean;
  readonly better: boolean;
  readonly change: Omit<Change, "question" | "title" | "row">;
}

function changeOf(
  was: Row,
  is: Row,
  measure: (typeof MEASURES)[number],
  drift: number,
): Judged | undefined {
  const before = values(was.samples, measure.of);
  const after = values(is.samples, measure.of);
  if (before.length === 0 || after.length === 0) return undefined;
  const [from, to] = [median(before), median(after)];
  const isSeen = Math.abs(to - from) > measure.least;
  const up = shiftOf(before, after);
  const down = shiftOf(after, before);
  const what = `${measure.of} ${measure.unit}`;
  return {
    worse: isSeen && isMore(up, drift),
    better: isSeen && isMore(down, 1 / drift),
    change: {
      what,
      before: from,
      after: to,
      ratio: up.ratio,
      chance: Math.min(up.chance, down.chance),
    },
  };
}

/** Beyond noise, and still so when what the machine did is taken out. */
function isMore(shift: Shift, drift: number): boolean {
  return (
    isBeyondNoise(shift) && isBeyondNoise({ ...shift, ratio: shift.ratio / Math.max(1, drift) })
  );
}

/** How many times as long the peers of a table took; 1 without peers. */
function driftOf(was: Answer, is: Answer, of: keyof Sample): number {
  const ratios = was.rows.flatMap((row) => {
    const other = row.ours ? undefined : is.rows.find(({ name }) => name === row.name);
    const before = values(row.samples, of);
    const after = values(other?.samples ?? [], of);
    // A clock of hundredths says nothing about less than a few of them.
    if (before.length === 0 || after.length === 0 || median(before) < 0.05) return [];
    return [shiftOf(before, after).ratio];
  });
  return ratios.length === 0 ? 1 : median(ratios);
}

function countChanges(was: Answer, is: Answer): Change[] {
  return (was.figures ?? []).flatMap(({ of, what, unit, value }) => {
    const other = is.figures?.find((one) => one.of === of && one.what === what);
    if (!of.startsWith("`ctxpack") || other === undefined) return [];
    const ratio = value === other.value ? 1 : other.value / value;
    if (ratio <= COUNT_MARGIN && ratio >= 1 / COUNT_MARGIN) return [];
    const { question, title } = was;
    return [
      {
        question,
        title,
        row: of,
        what: `${what} ${unit}`,
        before: value,
        after: other.value,
        ratio,
      },
    ];
  });
}

function values(samples: readonly Sample[], of: keyof Sample): number[] {
  return samples.map((sample) => sample[of]).filter((value) => value !== undefined);
}

/** What makes two runs hard to compare. */
function notesOn(before: RunFile, after: RunFile): string[] {
  const notes: string[] = [];
  if (before.scale === "smoke" || after.scale === "smoke")
    notes.push("a smoke run measures nothing");
  if (before.slept !== after.slept) notes.push("one run left out what stands for long work");
  for (const key of ["cpu", "cpus", "memoryGiB", "os", "files"] as const) {
    const [was, is] = [before.machine[key], after.machine[key]];
    if (was !== is) notes.push(`another machine: ${key} was ${was} and is ${is}`);
  }
  for (const [name, version] of Object.entries(before.versions)) {
    const now = after.versions[name];
    if (now !== undefined && now !== version)
      notes.push(`${name} was ${version ?? "absent"} and is ${now ?? "absent"}`);
  }
  return notes;
}
