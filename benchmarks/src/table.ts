import { markdown, times } from "./markdown.ts";
import type { Measurement } from "./measure.ts";
import type { Round } from "./question.ts";

/** One round as Markdown; `x` is how many times as long as the first row. */
export function table(round: Round, measurements: readonly Measurement[]): string {
  const base = measurements[0]?.wall.median ?? Number.NaN;
  const head = ["", "median s", "least – most", "x", "CPU s", "peak MiB"];
  if (round.bytes) head.push("MB/s");
  const runs = measurements[0]?.runs ?? 0;
  const rows = measurements.map(({ name, wall, cpu, peak, runs: own }) => [
    own === runs ? name : `${name} (${own === 1 ? "one run" : `${own} runs`})`,
    seconds(wall.median),
    `${seconds(wall.least)} – ${seconds(wall.most)}`,
    times(wall.median / base),
    cpu === undefined ? "–" : seconds(cpu),
    peak === undefined ? "–" : peak.toFixed(0),
    ...(round.bytes ? [(round.bytes / 1e6 / wall.median).toFixed(0)] : []),
  ]);
  return [
    `### ${round.title} (${runs === 1 ? "one run" : `medians of ${runs}`})`,
    "",
    markdown(head, rows),
    "",
  ].join("\n");
}

function seconds(value: number): string {
  return value < 1 ? value.toFixed(3) : value.toFixed(2);
}
