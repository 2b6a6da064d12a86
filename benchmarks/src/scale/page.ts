// docs/scale.md from a run of `bench scale`:  node benchmarks/src/scale/page.ts RUN.json docs/scale.md
import { writeFileSync } from "node:fs";
import { markdown } from "../markdown.ts";
import { type Curve, curvesOf, exponentText } from "../report/growth.ts";
import { type RunFile, readRun } from "../run-file.ts";
import { FULL, REGISTRY_CPU, SMOKE } from "./sizes.ts";

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
  const rows = curves.flatMap(({ what, unit, points, exponent, last, ofWall }) =>
    points.map(({ size, wall, cpu, peak }) => [
      what,
      `${size.toLocaleString("en")} ${unit}`,
      wall.toFixed(2),
      cpu?.toFixed(2) ?? "–",
      peak?.toFixed(0) ?? "–",
      ...[exponent, last, ofWall].map((slope) => (slope === undefined ? "–" : exponentText(slope))),
    ]),
  );
  const head = ["", "of", "s", "CPU s", "peak MiB", "exponent", "of the last two", "of the wall"];
  const { cpus, cpu, memoryGiB } = run.machine;
  const a = ASSUMED;
  return `# Scale

Written by \`node benchmarks/src/scale/page.ts\` from one run of \`bench scale\` (${run.started.slice(0, 10)}, ${cpus} x ${cpu}, ${memoryGiB} GiB); not by hand.

## Measured

The exponent is the slope of log CPU seconds over log size, by least squares over all sizes: 1 is twice the cost for twice as many. The start of Node is part of every point, so that small sizes pull it below 1. Beside it are the slope between the two largest sizes alone, and the exponent of the wall. CPU seconds of clients are the sum over N independent processes, whose exponent is near 1 whatever they do: what they cost each other is in the wall.${coldness(curves, memoryGiB)}

${markdown(head, rows)}

## On paper

Nothing here was run. Assumed:

- ${a.files.toExponential()} files of 1 KB, in packs of ${count(a.filesPerPack)}; each pack costs what the one that was measured does, however many there are.
- ${count(a.machines)} machines that each pull a pack of ${a.packBytes / 1e9} GB at the same time, all of it: no machine has any of the bytes. A gigabyte costs a client, and the registry, as many times what was measured as it has bytes.
- A registry of ${a.registryNodes} nodes with cores like the measured ones that share the load evenly, each sending ${(a.nodeBytesPerSecond * 8) / 1e9} Gbit/s; the registry of the run is what runs on each.
- As many bytes travel as the files have: that they are compressed is left out, and so are manifests and indexes.

Left out: disks of the registry's nodes (all is in their memory) and of the machines, what balances the load, TLS, handshakes and round trips, proofs, retries, and that cores which do more at once get slower. Nothing fails.

${paper(run, curves)
  .map((line) => `- ${line}`)
  .join("\n")}
`;
}

/** Whether the sizes fit into memory: one after the other they are all read. */
function coldness(curves: readonly Curve[], memoryGiB: number): string {
  const points = curves.find(({ what }) => what === "seed, by bytes")?.points ?? [];
  const bytes = points.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= memoryGiB * 2 ** 30) return "";
  return ` The files of "seed, by bytes" are ${(bytes / 1e9).toFixed(0)} GB together and the memory ${memoryGiB} GiB: the large points are cold, read from the disk, and the small ones are not.`;
}

function paper(run: RunFile, curves: readonly Curve[]): string[] {
  return [storing(curves), listing(curves), ...pulling(run, curves)];
}

const ABSENT = "not measured in this run";

/** Everything that the measured pack took, so many times; and what it consists of. */
function storing(curves: readonly Curve[]): string {
  const { files, filesPerPack } = ASSUMED;
  const what = `\`seed\` of ${count(filesPerPack)} files of 1 KB`;
  const least = curves.find((one) => one.what === "seed, by files")?.points[0];
  const pack = cpuAt(curves, "seed, by files", filesPerPack);
  if (pack === undefined || least?.cpu === undefined) return `${what}: ${ABSENT}.`;
  const packs = files / filesPerPack;
  const largest = curves.find((one) => one.what === "seed, by bytes")?.points.at(-1);
  const content =
    largest?.cpu === undefined
      ? `its content (CPU seconds for a GB: ${ABSENT})`
      : `${((largest.cpu / largest.size) * filesPerPack * 1000).toFixed(2)} s for its ${filesPerPack / 1e6} GB of content (at what ${largest.size / 1e9} GB of the mixed corpus took)`;
  return (
    `${what} took ${pack.toFixed(2)} CPU seconds; ${count(packs)} such packs: ${((pack * packs) / 3600).toFixed(1)} CPU hours. ` +
    `In it are what every pack costs, start of Node, manifest and commit (with ${count(least.size)} files all of it was ${least.cpu.toFixed(2)} s, which is paid ${count(packs)} times), ` +
    `${content}, and for the rest the files: stat, digest, and the bytes of their entries in the index. How many bytes manifest and index are: ${ABSENT}.`
  );
}

/** Measured, not computed: a store of so many packs is one of the points. */
function listing(curves: readonly Curve[]): string {
  const packs = ASSUMED.files / ASSUMED.filesPerPack;
  const point = pointAt(curves, "ls", packs);
  const what = `\`ls\` of ${count(packs)} packs in one store`;
  if (!point) return `${what}: ${ABSENT}.`;
  const cpu = point.cpu === undefined ? "" : `, ${point.cpu.toFixed(2)} CPU seconds`;
  return `${what}, measured: ${point.wall.toFixed(2)} s${cpu}. These packs are small; that large ones are listed at the same cost is assumed.`;
}

function pulling(run: RunFile, curves: readonly Curve[]): string[] {
  const { machines, packBytes, registryNodes, nodeBytesPerSecond } = ASSUMED;
  const { pulled } = run.scale === "full" ? FULL : SMOKE;
  const part = `${pulled / 1e6} MB`;
  const times = packBytes / pulled;
  const most = curves.find(({ what }) => what === "pull")?.points.at(-1);
  const client =
    most?.cpu === undefined
      ? `CPU seconds of a client: ${ABSENT}.`
      : `A client that pulls ${part}, one of ${most.size} at once, took ${(most.cpu / most.size).toFixed(2)} CPU seconds, ` +
        `which is ${((most.cpu / most.size / pulled) * 1e9).toFixed(1)} for a GB: ${((most.cpu / most.size) * times).toFixed(1)} CPU seconds on each machine. ` +
        `The start of Node is in it ${times.toFixed(0)} times: too much rather than too little.`;
  const link = (machines * packBytes) / (registryNodes * nodeBytesPerSecond);
  const sends = `The registry sends ${((machines * packBytes) / 1e12).toFixed(1)} TB, which takes its links ${link.toFixed(0)} s at the least.`;
  const each = run.answers
    .flatMap(({ figures = [] }) => figures)
    .find(({ of, what }) => of === REGISTRY_CPU.of && what === REGISTRY_CPU.what)?.value;
  if (each === undefined) return [client, sends, `CPU seconds of the registry: ${ABSENT}.`];
  const node = (each * times * machines) / registryNodes;
  return [
    client,
    sends,
    `${REGISTRY_CPU.of} took ${each.toFixed(3)} CPU seconds for each pull of ${part}: ${count(Math.round(each * times * machines))} for all machines, ${count(Math.round(node))} on each node, ` +
      `which is ${(node / link).toFixed(1)} cores busy for as long as its link is. With fewer it takes longer than the link does.`,
  ];
}

function pointAt(curves: readonly Curve[], what: string, size: number) {
  return curves.find((one) => one.what === what)?.points.find((one) => one.size === size);
}

function cpuAt(curves: readonly Curve[], what: string, size: number): number | undefined {
  return pointAt(curves, what, size)?.cpu;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

if (import.meta.main) {
  const [from = "", to = ""] = process.argv.slice(2);
  writeFileSync(to, scalePage(readRun(from)));
}
