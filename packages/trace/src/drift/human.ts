import { digestHex, uriDigest } from "@ctxpack/identity";
import type { ContentBlock } from "../run/content.ts";
import { printable } from "../run/printable.ts";
import type { DriftEntry, MemberChange, RunDiff } from "./entry.ts";

/** Lines of one change that a person is shown. */
const MAX_LINES = 40;

/** A comparison for a person: text without colours and without anything that a terminal would obey. */
export function renderDiff(diff: RunDiff): string {
  const { a, b, entries, omitted, firstDivergence: first } = diff;
  const lines = [`Comparing ${shortId(a.uri)} vs ${shortId(b.uri)}`, ""];
  const count = entries.length + omitted;
  if (count === 0) {
    lines.push("No differences found.");
    if (diff.notCaptured.length > 0) lines.push(missing(diff));
    return `${lines.join("\n")}\n`;
  }
  lines.push(`${count} ${count === 1 ? "difference" : "differences"} found:`, "");
  for (const entry of entries) lines.push(...entryLines(entry, first?.entry === entry.id));
  if (omitted > 0) lines.push("", `  and ${omitted} more`);
  lines.push("", stepsLine(diff));
  if (diff.notCaptured.length > 0) lines.push(missing(diff));
  return `${lines.join("\n")}\n`;
}

function entryLines(entry: DriftEntry, isFirst: boolean): string[] {
  const first = isFirst ? "  <- the runs part here" : "";
  const lines = [`  ${entry.id}. [${entry.type}] ${entry.description}${first}`];
  if (entry.cause.why !== "independent") lines.push(`     ${causeText(entry.cause)}`);
  for (const change of entry.changes)
    lines.push(...changeLines(change).map((line) => `     ${line}`));
  if (entry.more) lines.push("     and more");
  return lines;
}

function causeText(cause: Extract<DriftEntry["cause"], { readonly entry: number }>): string {
  const began = cause.root === cause.entry ? "" : ` (which began with ${cause.root})`;
  return `after ${cause.entry}${began}: ${WHY[cause.why]}`;
}

/** Why, in the words of a person; used with "after" and the entry. */
export const WHY = {
  seen: "the model saw it",
  model: "the model is another, or set otherwise",
  arguments: "it was asked something else",
  tool: "the tool is another version, or described otherwise",
  read: "it reads what changed",
  environment: "the environment is another",
  written: "the step that wrote it changed",
  before: "it came before",
} as const;

function changeLines(change: MemberChange): string[] {
  const { path, a, b, text } = change;
  const isShort = (block: ContentBlock | undefined) =>
    block === undefined ||
    !("text" in block) ||
    (block.text.length <= 60 && !/\n/.test(block.text));
  if (text !== undefined && !(isShort(a) && isShort(b))) {
    const all = printable(text).split("\n");
    const shown = all.slice(0, MAX_LINES).map((line) => `  ${line}`);
    const left = all.length - shown.length;
    if (left > 0) shown.push(`  … ${left} more ${left === 1 ? "line" : "lines"}`);
    else if (change.cut) shown.push("  … cut");
    return [printable(path), ...shown];
  }
  if (change.change === "added") return [`${printable(path)}: + ${blockText(b)}`];
  if (change.change === "removed") return [`${printable(path)}: - ${blockText(a)}`];
  return [`${printable(path)}: ${blockText(a)} -> ${blockText(b)}`];
}

/** One line. */
function blockText(block: ContentBlock | undefined): string {
  if (block === undefined) return "nothing";
  if ("absent" in block) return `(${block.absent})`;
  if ("digest" in block) {
    return `${block.size} bytes, ${digestHex(block.digest).slice(0, 12)}`;
  }
  const text = "text" in block ? JSON.stringify(block.text) : JSON.stringify(block.value);
  const shown = printable(text);
  return shown.length <= 200 ? shown : `${shown.slice(0, 199).toWellFormed()}…`;
}

function stepsLine({ steps }: RunDiff): string {
  const words = (["same", "changed", "added", "removed", "moved"] as const)
    .filter((word) => steps[word] > 0)
    .map((word) => `${steps[word]} ${word}`);
  return `Steps: ${words.length === 0 ? "none" : words.join(", ")}`;
}

function missing({ notCaptured }: RunDiff): string {
  return `Not captured by one of the logs, and no drift where it is missing: ${notCaptured.join(", ")}`;
}

function shortId(uri: RunDiff["a"]["uri"]): string {
  return digestHex(uriDigest(uri)).slice(0, 12);
}
