import type { Answer } from "../run-file.ts";
import { barsChart, growthChart } from "./charts.ts";
import { curvesOf } from "./growth.ts";
import type { Section } from "./merge.ts";
import { plainName } from "./summary.ts";
import { drawSvg } from "./svg.ts";

/** A chart as a file. */
export interface Picture {
  readonly question: string;
  /** The answers that it shows. */
  readonly answers: readonly Answer[];
  /** Relative to the page. */
  readonly file: string;
  readonly description: string;
  readonly svg: string;
}

/** Where pictures lie, beside the page. */
export const PICTURES = "benchmarks/charts";

/** The pictures of one section: bars of every table, and what grows. */
export async function picturesOf({ question, answers }: Section): Promise<Picture[]> {
  const shown = answers.filter(({ rows }) => rows.some(({ samples }) => samples.length > 0));
  const groups = Map.groupBy(shown, ({ chart }) => chart ?? "");
  const pictures: Picture[] = [];
  for (const [chart, list] of groups) {
    const title = chart === "" ? question : chart;
    const name = chart === "" ? question : `${question}-${slug(chart)}`;
    const description = `${plainName(title)}: seconds, ${list.length} table${list.length === 1 ? "" : "s"}`;
    const file = `${PICTURES}/${name}.svg`;
    const svg = await drawSvg(barsChart(title, list), description);
    pictures.push({ question, answers: list, file, description, svg });
  }
  const curves = curvesOf(answers);
  for (const [unit, list] of Map.groupBy(curves, (curve) => curve.unit)) {
    const description = `${question}: CPU seconds over ${unit}`;
    const file = `${PICTURES}/${question}-growth-${slug(unit)}.svg`;
    const svg = await drawSvg(growthChart(description, list), description);
    pictures.push({ question, answers: [], file, description, svg });
  }
  return pictures;
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}
