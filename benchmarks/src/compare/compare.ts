import type { Sample } from "../measure.ts";
import { median } from "../median.ts";
import type { Answer, Row, RunFile } from "../run-file.ts";
import { isBeyondNoise, isChange, isFew, type Shift, shiftOf } from "./noise.ts";

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
  /** Of these, the ones that were run so rarely that only twice as much is a change. */
  readonly few: number;
  /** How many comparisons of samples were made. */
  readonly tests: number;
  /** Rows of ours that only the first has, and questions that failed in the second. */
  readonly missing: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Compares the rows of ours that two runs have in common. What the peers of a table take is taken for what the machine does:
 * where they all take longer, so may we.
 */
export function compareRuns(before: RunFile, after: RunFile): Comparison {
  const counted: Judged[] = [];
  const pairs: RowPair[] = [];
  const missing = after.failures.map(({ question, error }) => `${question} failed: ${error}`);
  for (const was of before.answers) {
    const is = after.answers.find((one) => isSame(one, was));
    for (const row of was.rows.filter(({ ours }) => ours)) {
      const other = is?.rows.find(({ name }) => name === row.name);
      if (!is || !other) {
        missing.push(`${was.question}: ${was.title}: ${row.name}`);
        continue;
      }
      pairs.push({ was, is, row, other });
    }
    if (is) counted.push(...countChanges(was, is));
  }
  const tests = pairs.reduce((sum, pair) => sum + measuresOf(pair).length, 0);
  const found = [...pairs.flatMap((pair) => changesOf(pair, tests)), ...counted];
  const few = pairs.filter(({ row, other }) => isFew(row.samples.length, other.samples.length));
  const changes = (verdict: Judged["verdict"]): Change[] =>
    found.filter((one) => one.verdict === verdict).map(({ change }) => change);
  return {
    regressions: changes("worse"),
    improvements: changes("better"),
    ...{ rows: pairs.length, few: few.length, tests, missing, notes: notesOn(before, after) },
  };
}

function isSame(a: Answer, b: Answer): boolean {
  return a.question === b.question && a.title === b.title && a.rows.length > 0;
}

interface Judged {
  readonly verdict: "worse" | "better";
  readonly change: Change;
}

/** A row of ours in two runs, and the tables that it stands in. */
interface RowPair {
  readonly was: Answer;
  readonly is: Answer;
  readonly row: Row;
  readonly other: Row;
}

/** What both runs measured of a row. */
function measuresOf({ row, other }: RowPair) {
  return MEASURES.flatMap((measure) => {
    const before = values(row.samples, measure.of);
    const after = values(other.samples, measure.of);
    return before.length === 0 || after.length === 0 ? [] : [{ ...measure, before, after }];
  });
}

/** What one row has more of than noise explains, or less. */
function changesOf(pair: RowPair, tests: number): Judged[] {
  const { was, is, row } = pair;
  return measuresOf(pair).flatMap(({ of, unit, least, before, after }) => {
    const [from, to] = [median(before), median(after)];
    if (Math.abs(to - from) <= least) return [];
    const drift = of === "peak" ? 1 : driftOf(was, is, of);
    const up = shiftOf(before, after);
    const down = shiftOf(after, before);
    // A change, and still one when what the machine did is taken out.
    const isMore = (shift: Shift, machine: number): boolean =>
      isChange(shift, tests) &&
      isChange({ ...shift, ratio: shift.ratio / Math.max(1, machine) }, tests);
    const verdict = isMore(up, drift) ? "worse" : isMore(down, 1 / drift) ? "better" : undefined;
    if (verdict === undefined) return [];
    const { question, title } = was;
    const [ratio, chance] = [up.ratio, Math.min(up.chance, down.chance)];
    const names = { question, title, row: row.name, what: `${of} ${unit}` };
    return [{ verdict, change: { ...names, before: from, after: to, ratio, chance } }];
  });
}

/** How many times as long the peers of a table took, where that is no noise of theirs; 1 without peers. */
function driftOf(was: Answer, is: Answer, of: keyof Sample): number {
  const ratios = was.rows.flatMap((row) => {
    const other = row.ours ? undefined : is.rows.find(({ name }) => name === row.name);
    const before = values(row.samples, of);
    const after = values(other?.samples ?? [], of);
    // A clock of hundredths says nothing about less than a few of them.
    if (before.length === 0 || after.length === 0 || median(before) < 0.05) return [];
    const shift = shiftOf(before, after);
    const isReal = isBeyondNoise(shift) || isBeyondNoise(shiftOf(after, before));
    const isObvious = shift.ratio > 2 || shift.ratio < 0.5;
    return [isReal || isObvious ? shift.ratio : 1];
  });
  return ratios.length === 0 ? 1 : median(ratios);
}

function countChanges(was: Answer, is: Answer): Judged[] {
  const { question, title } = was;
  return (was.figures ?? []).flatMap(({ of, what, unit, value: before }) => {
    const after = is.figures?.find((one) => one.of === of && one.what === what)?.value;
    if (!of.startsWith("`ctxpack") || after === undefined) return [];
    const ratio = before === after ? 1 : after / before;
    if (ratio <= COUNT_MARGIN && ratio >= 1 / COUNT_MARGIN) return [];
    const change = { question, title, row: of, what: `${what} ${unit}`, before, after, ratio };
    return [{ verdict: ratio > 1 ? "worse" : "better", change }];
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
