// docs/scale.md from a run of `bench scale`:  node benchmarks/src/scale/page.ts RUN.json docs/scale.md
import { writeFileSync } from "node:fs";
import { markdown } from "../markdown.ts";
import { type Curve, curvesOf } from "../report/growth.ts";
import { type RunFile, readRun } from "../run-file.ts";

/** What is not measured and has to be believed. */
const ASSUMED = {
  files: 1e9,
  filesPerPack: 100_000,
  machines: 1000,
  packBytes: 1e9,
  registryNodes: 8,
  /** Bytes a second that one node of a registry sends: 10 Gbit/s. */
  nodeBytesPerSecond: 1.25e9,
};

/** The page; it holds no number that is not in the run, assumed above, or computed from these. */
export function scalePage(run: RunFile): string {
  const curves = curvesOf(run.answers.filter(({ question }) => question === "scale"));
  const rows = curves.flatMap(({ what, unit, points, exponent }) =>
    points.map(({ size, wall, cpu, peak }) => [
      what,
      `${size.toLocaleString("en")} ${unit}`,
      wall.toFixed(2),
      cpu?.toFixed(2) ?? "–",
      peak?.toFixed(0) ?? "–",
      exponent?.toFixed(2) ?? "–",
    ]),
  );
  const { cpus, cpu, memoryGiB } = run.machine;
  return `# Scale

Written by \`node benchmarks/src/scale/page.ts\` from one run of \`bench scale\` (${run.started.slice(0, 10)}, ${cpus} x ${cpu}, ${memoryGiB} GiB); not by hand.

## Measured

The exponent is the slope of log CPU seconds over log size, by least squares: 1 is twice the cost for twice as many. The start of the command is part of every point, so that small sizes pull it below 1.

${markdown(["", "of", "s", "CPU s", "peak MiB", "exponent"], rows)}

## On paper

Nothing here was run. Assumed: ${ASSUMED.files.toExponential()} files in packs of ${ASSUMED.filesPerPack.toLocaleString("en")}; ${ASSUMED.machines} machines that each pull a pack of ${ASSUMED.packBytes / 1e9} GB at the same time; a registry of ${ASSUMED.registryNodes} nodes that share the load evenly, each sending ${(ASSUMED.nodeBytesPerSecond * 8) / 1e9} Gbit/s; the cost of one more stays what it is between the two largest sizes that were measured; no machine has any of the bytes; nothing fails.

${paper(curves)
  .map((line) => `- ${line}`)
  .join("\n")}
`;
}

function paper(curves: readonly Curve[]): string[] {
  const { files, filesPerPack, machines, packBytes, registryNodes, nodeBytesPerSecond } = ASSUMED;
  const lines: string[] = [];
  const file = marginal(curves, "seed, by files");
  if (file !== undefined) {
    lines.push(
      `${(file * 1e6).toFixed(1)} CPU µs for one more file of 1 KB: ${((file * files) / 3600).toFixed(1)} CPU hours to store them all, in ${(files / filesPerPack).toLocaleString("en")} packs.`,
    );
  }
  const byte = marginal(curves, "seed, by bytes");
  if (byte !== undefined) lines.push(`${(byte * 1e9).toFixed(2)} CPU seconds for one more GB.`);
  const list = marginal(curves, "ls");
  if (list !== undefined) {
    lines.push(
      `${(list * 1e6).toFixed(1)} CPU µs for one more pack that is listed: ${((list * files) / filesPerPack).toFixed(2)} CPU seconds for all of them in one store.`,
    );
  }
  const client = marginal(curves, "pull");
  if (client !== undefined) lines.push(`${client.toFixed(2)} CPU seconds for one more client.`);
  const seconds = (machines * packBytes) / (registryNodes * nodeBytesPerSecond);
  lines.push(
    `The registry sends ${((machines * packBytes) / 1e12).toFixed(1)} TB, which takes its links ${seconds.toFixed(0)} s at the least; what its nodes and their disks can do beside that is not known here.`,
  );
  return lines;
}

/** Seconds of CPU time of one more, between the two largest sizes; `undefined` where that was not measured. */
export function marginal(curves: readonly Curve[], what: string): number | undefined {
  const [before, last] = curves.find((one) => one.what === what)?.points.slice(-2) ?? [];
  if (before?.cpu === undefined || last?.cpu === undefined) return undefined;
  return (last.cpu - before.cpu) / (last.size - before.size);
}

if (import.meta.main) {
  const [from = "", to = ""] = process.argv.slice(2);
  writeFileSync(to, scalePage(readRun(from)));
}
