import { markdown, times } from "../markdown.ts";
import type { Answer, Row } from "../run-file.ts";
import { type Curve, exponentText } from "./growth.ts";
import { isFloor, seconds, summaryOf } from "./summary.ts";

/** One answer as Markdown; `x` is how many times as long as the first row it took, in this run. */
export function answerTable(answer: Answer): string {
  const { rows, bytes } = answer;
  const base = rows[0] && summaryOf(rows[0], "wall");
  const head = ["", "median s", "min – max", "x", "CPU s", "peak MiB", "runs"];
  if (bytes) head.push("MB/s");
  const cells = rows.flatMap((row) => {
    const wall = summaryOf(row, "wall");
    if (!wall || !base) return [];
    const [cpu, peak] = [summaryOf(row, "cpu"), summaryOf(row, "peak")];
    return [
      [
        nameOf(row),
        seconds(wall.median),
        row.samples.length === 1 ? "–" : `${seconds(wall.least)} – ${seconds(wall.most)}`,
        times(wall.median / base.median),
        cpu ? seconds(cpu.median) : "–",
        peak ? peak.median.toFixed(0) : "–",
        row.samples.length,
        ...(bytes
          ? [(bytes / 1e6 / wall.median).toFixed(bytes / 1e6 / wall.median < 10 ? 1 : 0)]
          : []),
      ],
    ];
  });
  return markdown(head, cells);
}

function nameOf(row: Row): string {
  const { name, ours, setup } = row;
  const shown = ours ? `**${name}**` : isFloor(row) ? `${name} (floor)` : name;
  return setup === undefined ? shown : `${shown}<br>${setup}`;
}

/** What is counted: a row for each contender, a column for each thing. */
export function figuresTable({ figures = [] }: Answer): string | undefined {
  if (figures.length === 0) return undefined;
  const kinds = [...new Map(figures.map((one) => [`${one.what}\n${one.unit}`, one])).values()];
  const rows = Map.groupBy(figures, ({ of }) => of);
  return markdown(
    [
      "",
      ...kinds.map(({ what, unit }) =>
        unit === "count" ? what : `${what}, ${unit === "bytes" ? "MB" : unit}`,
      ),
    ],
    Array.from(rows, ([of, list]) => [
      of,
      ...kinds.map(({ what, unit }) => {
        const found = list.find((one) => one.what === what && one.unit === unit);
        if (!found) return "–";
        if (unit === "s") return seconds(found.value);
        return unit === "bytes" ? megabytes(found.value) : found.value.toLocaleString("en");
      }),
    ]),
  );
}

/** One table for each curve: what each size costs, and each of its units. */
export function growthTable(curves: readonly Curve[]): string {
  return markdown(
    [
      ...["", "size", "median s", "CPU s", "CPU µs each", "peak MiB"],
      ...["exponent", "of the last two", "of the wall"],
    ],
    curves.flatMap(({ what, unit, points, exponent, last, ofWall }) =>
      points.map(({ size, wall, cpu, peak }, at) => [
        what,
        `${size.toLocaleString("en")} ${unit}`,
        seconds(wall),
        cpu === undefined ? "–" : seconds(cpu),
        (((cpu ?? wall) / size) * 1e6).toPrecision(3),
        peak === undefined ? "–" : peak.toFixed(0),
        ...[exponent, last, ofWall].map((slope) =>
          at === 0 && slope !== undefined ? exponentText(slope) : "",
        ),
      ]),
    ),
  );
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value < 10 ? value.toFixed(3) : value.toFixed(1);
}
