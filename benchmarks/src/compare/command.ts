import { markdown } from "../markdown.ts";
import { readRun } from "../run-file.ts";
import { type Change, compareRuns } from "./compare.ts";

/** `bench compare a.json b.json`: prints what changed; 1 when something got worse or is missing, 2 for wrong arguments. */
export function compareCommand(files: readonly string[]): number {
  const [a, b] = files;
  if (a === undefined || b === undefined || files.length > 2) {
    console.error("usage: bench compare BEFORE.json AFTER.json");
    return 2;
  }
  const { regressions, improvements, rows, few, tests, missing, notes } = compareRuns(
    readRun(a),
    readRun(b),
  );
  for (const note of notes) console.log(`- ${note}`);
  for (const one of missing) console.log(`- MISSING ${one}`);
  if (few > 0)
    console.log(
      `- ${few} of ${rows} rows were run so rarely that only a factor of two is a change`,
    );
  print("Worse", regressions);
  print("Better", improvements);
  console.log(
    `${rows} rows, ${tests} tests: ${regressions.length} worse, ${improvements.length} better than noise explains`,
  );
  return regressions.length > 0 || missing.length > 0 ? 1 : 0;
}

function print(title: string, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  const rows = changes.map(
    ({ question, title: table, row, what, before, after, ratio, chance }) => [
      `${question}: ${table}: ${row}`,
      what,
      plain(before),
      plain(after),
      ratio.toFixed(2),
      chance === undefined ? "counted" : chance.toFixed(4),
    ],
  );
  console.log(`\n### ${title}\n`);
  console.log(`${markdown(["", "of", "before", "after", "x", "by chance"], rows)}\n`);
}

function plain(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
