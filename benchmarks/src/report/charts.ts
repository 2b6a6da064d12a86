import type { TopLevelSpec } from "vega-lite";
import type { Answer } from "../run-file.ts";
import { type Curve, exponentText } from "./growth.ts";
import { isFloor, plainName, seconds, summaryOf } from "./summary.ts";
import { COLOURS } from "./svg.ts";

/** In pixels. */
const WIDTH = 720;
const ROW = 38;
/** How far a bar lies below the middle of its row; its name stands above it, where no name is too long. */
const BELOW = 8;

/**
 * Bars from zero, one for each row: its median; a line from the least to the most and a dot for each run. Each table has a
 * scale of its own.
 */
export function barsChart(title: string, answers: readonly Answer[]): TopLevelSpec {
  const isOne = answers.length === 1;
  return {
    title: isOne ? { text: plainName(answers[0]?.title ?? title) } : { text: plainName(title) },
    vconcat: answers.map((answer) => barsOf(answer, !isOne)),
    resolve: { scale: { x: "independent", y: "independent", color: "shared" } },
    spacing: 18,
  } as TopLevelSpec;
}

function barsOf(answer: Answer, hasTitle: boolean): object {
  const rows = answer.rows.flatMap((row) => {
    const wall = summaryOf(row, "wall");
    const { ours, samples } = row;
    const name = `${plainName(row.name)}${isFloor(row) ? " (floor)" : ""}`;
    return wall ? [{ name, ours, samples, ...wall }] : [];
  });
  const bars = rows.map(({ samples, ...row }) => ({ ...row, label: `${seconds(row.median)} s` }));
  const dots = rows.flatMap(({ name, samples }) => samples.map(({ wall }) => ({ name, wall })));
  const y = { field: "name", type: "nominal", sort: null, axis: null };
  const most = Math.max(...rows.map((row) => row.most));
  const x = {
    type: "quantitative",
    // Room for the label behind the longest bar.
    scale: { domain: [0, most * 1.1], nice: false },
    axis: { title: "seconds", tickCount: 6 },
  };
  const ink = COLOURS.ink[0];
  return {
    ...(hasTitle && { title: { text: plainName(answer.title), fontSize: 12.5, frame: "group" } }),
    width: WIDTH,
    height: { step: ROW },
    data: { values: bars },
    layer: [
      {
        mark: { type: "bar", height: 12, yOffset: BELOW },
        encoding: {
          y,
          x: { ...x, field: "median" },
          color: {
            field: "ours",
            legend: null,
            scale: { domain: [true, false], range: [COLOURS.ours[0], COLOURS.peer[0]] },
          },
        },
      },
      {
        mark: { type: "rule", color: ink, strokeWidth: 1, yOffset: BELOW },
        encoding: { y, x: { ...x, field: "least" }, x2: { field: "most" } },
      },
      {
        data: { values: dots },
        mark: { type: "point", filled: true, size: 9, color: ink, opacity: 0.75, yOffset: BELOW },
        encoding: { y, x: { ...x, field: "wall" } },
      },
      {
        mark: { type: "text", align: "left", dx: 6, color: ink, fontSize: 11, yOffset: BELOW },
        encoding: { y, x: { ...x, field: "most" }, text: { field: "label" } },
      },
      {
        mark: { type: "text", align: "left", dx: 2, color: ink, fontSize: 12, yOffset: BELOW - 15 },
        encoding: { y, x: { datum: 0, type: "quantitative" }, text: { field: "name" } },
      },
    ],
  };
}

/** CPU seconds over size, both logarithmic: a straight line of slope 1 is work that grows as what it is done with. */
export function growthChart(title: string, curves: readonly Curve[]): TopLevelSpec {
  const values = curves.flatMap(({ what, points, exponent }) =>
    points.flatMap(({ size, cpu, wall }) => {
      const cost = cpu ?? wall;
      const name = exponent === undefined ? what : `${what}: exponent ${exponentText(exponent)}`;
      return cost > 0 ? [{ size, cost, name: plainName(name) }] : [];
    }),
  );
  const encoding = {
    x: {
      field: "size",
      type: "quantitative",
      scale: { type: "log" },
      axis: {
        title: curves[0]?.unit ?? "",
        format: "~s",
        values: powers(values.map(({ size }) => size)),
      },
    },
    y: {
      field: "cost",
      type: "quantitative",
      scale: { type: "log" },
      axis: { title: "CPU seconds", format: "~g", values: powers(values.map(({ cost }) => cost)) },
    },
    color: {
      field: "name",
      type: "nominal",
      sort: null,
      legend: { title: null, orient: "bottom", columns: 1 },
      scale: { scheme: "tableau10" },
    },
  };
  return {
    title: { text: plainName(title) },
    width: WIDTH - 60,
    height: 280,
    data: { values },
    layer: [
      { mark: { type: "line", strokeWidth: 2 }, encoding },
      { mark: { type: "point", filled: true, size: 40 }, encoding },
    ],
  } as TopLevelSpec;
}

/** The powers of ten from below the least value to above the most: more lines than these hide the curves. */
function powers(values: readonly number[]): number[] {
  const logs = values.map(Math.log10);
  const [least, most] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  return Array.from({ length: Math.max(0, most - least) + 1 }, (_, i) => 10 ** (least + i));
}
