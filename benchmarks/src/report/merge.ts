import type { Answer, RunFile } from "../run-file.ts";

/** What one run found about one question. */
export interface Section {
  readonly question: string;
  readonly run: RunFile;
  readonly answers: readonly Answer[];
}

/**
 * One section for each question that was asked, in the order of `names`, all of it from one run: the last one that asked it,
 * and in which it did not fail if there is one. Figures of two runs are never mixed.
 */
export function sectionsOf(runs: readonly RunFile[], names: readonly string[]): Section[] {
  const latest = runs.toSorted((a, b) => (a.started < b.started ? 1 : -1));
  const found = new Set(runs.flatMap(({ answers }) => answers.map(({ question }) => question)));
  const known = names.filter((name) => found.has(name));
  return [...known, ...[...found].filter((name) => !names.includes(name)).sort()].flatMap(
    (question) => {
      const asked = latest.filter(({ answers }) =>
        answers.some((one) => one.question === question),
      );
      const isWhole = ({ failures }: RunFile): boolean =>
        !failures.some((one) => one.question === question);
      const run = asked.find(isWhole) ?? asked[0];
      if (!run) return [];
      return [{ question, run, answers: run.answers.filter((one) => one.question === question) }];
    },
  );
}
