import { visible } from "@ctxpack/identity";
import { printable } from "../run/printable.ts";
import type { ReplayReport, ReplayValue, StepReplay } from "./report.ts";

/** Steps that went otherwise than they were recorded and are listed; the rest is counted. */
const MOST_LISTED = 100;

/** A replay for a person: text without colours and without anything that a terminal would obey. */
export function renderReplay(report: ReplayReport): string {
  const { run, mode, fidelity, counts, steps, unrecorded, outputs, damaged, environment } = report;
  const tally = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  const lines = [
    `Replay of ${run}`,
    `${mode}: ${fidelity.toUpperCase()}${tally.length > 0 ? ` (${tally.join(", ")})` : ""}`,
  ];
  const others = steps.filter(({ verdict }) => verdict !== "matched");
  for (const step of others.slice(0, MOST_LISTED)) lines.push(...stepLines(step));
  if (others.length > MOST_LISTED) lines.push(`  and ${others.length - MOST_LISTED} more steps`);
  for (const { name, reason, arguments: args } of unrecorded.slice(0, MOST_LISTED)) {
    lines.push(`  asked for ${visible(name)} ${shown(args)}: ${visible(reason)}`);
  }
  for (const { name, verdict } of outputs) {
    if (verdict !== "matched") lines.push(`  output ${visible(name)}: ${verdict}`);
  }
  for (const { pointer, reason } of damaged) lines.push(`  head ${pointer}: ${visible(reason)}`);
  for (const { member, expected, actual } of environment) {
    lines.push(
      `  environment ${visible(member)}: ${visible(expected)} then, ${visible(actual ?? "not known")} now`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function stepLines({ seq, kind, name, verdict, reason, expected, actual }: StepReplay): string[] {
  const what = name === undefined ? kind : `${kind} ${visible(name)}`;
  const lines = [
    `  [${seq}] ${what}: ${verdict}${reason === undefined ? "" : `, ${visible(reason)}`}`,
  ];
  if (expected !== undefined) lines.push(`      then ${shown(expected)}`);
  if (actual !== undefined) lines.push(`      now  ${shown(actual)}`);
  return lines;
}

function shown({ text, size }: ReplayValue): string {
  const line = printable(text).replaceAll("\n", " ");
  return size > text.length ? `${line}… (${size} bytes)` : line;
}
