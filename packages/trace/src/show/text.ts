import { digestHex, visible } from "@ctxpack/identity";
import { type Content, type ContentBlock, contentBlocks, isTextType } from "../run/content.ts";
import type { RunFileRef, RunHead, RunModel } from "../run/head.ts";
import { printable } from "../run/printable.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";

/** How a run is shown to a person. */
export interface RenderRunOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Characters of what a step asked or answered, in the list of steps. */
const GLANCE = 72;

/** Names of tools, inputs and outputs that are listed; the rest is counted. */
const MOST_LISTED = 40;

/**
 * A run for a person, in pieces: what is known of it, then a line for each step. Without colours and without anything
 * that a terminal would obey; memory does not grow with the number of steps.
 *
 * @throws CtxPackError what reading the run throws when it is damaged.
 */
export async function* renderRun(run: Run, options: RenderRunOptions = {}): AsyncGenerator<string> {
  yield `${headLines(run).join("\n")}\n`;
  const { count } = run.head.steps;
  yield `\nSteps (${count}):\n`;
  let lines = "";
  for await (const step of run.steps(options)) {
    lines += `${stepLine(step, run.head)}\n`;
    if (lines.length < 65_536) continue;
    yield lines;
    lines = "";
  }
  yield lines;
}

/** One step for a person, with all it holds. */
export async function renderStep(
  run: Run,
  step: Step,
  options: RenderRunOptions = {},
): Promise<string> {
  const lines = [stepLine(step, run.head)];
  for (const [title, content] of [
    ["params", step.params],
    ["request", step.request],
    ["reasoning", step.reasoning],
    ["result", step.result],
    ["error", step.error?.message],
    ["extra", step.extra],
  ] as const) {
    if (content === undefined) continue;
    lines.push("", `${title}:`);
    for (const block of contentBlocks(content)) lines.push(await whole(run, block, options.signal));
  }
  return `${lines.join("\n")}\n`;
}

function headLines({ uri, head }: Run): string[] {
  const { source, session, totals, system, tools, loss } = head;
  const rows: [string, string | undefined][] = [
    ["Run", uri],
    ["Name", head.name],
    ["Note", head.note],
    ["Source", [source.format, source.version].filter((one) => one !== undefined).join(" ")],
    ["Known as", source.id],
    ["Agent", [head.agent?.name, head.agent?.version].filter((one) => one !== undefined).join(" ")],
    ["Session", session?.id],
    ["Folder", session?.cwd],
    ["Revision", revisionText(head)],
    ...head.models.map((model): [string, string] => ["Model", modelText(model)]),
    ["When", [totals.startedAt, totals.endedAt].filter((one) => one !== undefined).join(" to ")],
    ["Usage", usageText(head)],
    ["Errors", totals.errors > 0 ? String(totals.errors) : undefined],
    ...(head.parents ?? []).map((parent): [string, string] => [
      "Forked from",
      parent.step === undefined ? parent.uri : `${parent.uri} at step ${parent.step}`,
    ]),
    ["Environment", environmentText(head)],
    ["Not captured", head.notCaptured.join(", ")],
  ];
  const lines = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "")
    .map(([name, value]) => `${`${name}:`.padEnd(14)} ${visible(value)}`);
  for (const [index, prompt] of system.entries()) {
    lines.push("", `System prompt${system.length > 1 ? ` ${index + 1}` : ""}: ${glance(prompt)}`);
  }
  lines.push(...list("Inputs", head.inputs.map(fileText)));
  lines.push(...list("Outputs", head.outputs.map(fileText)));
  lines.push(
    ...list(
      "Tools",
      tools.map(({ name, version }) => (version === undefined ? name : `${name} ${version}`)),
    ),
  );
  lines.push(
    ...list(
      "Not kept of the log",
      loss.map(
        ({ path, reason, count }) => `${path} (${reason}${count > 1 ? `, ${count} times` : ""})`,
      ),
    ),
  );
  return lines;
}

function list(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const shown = items.slice(0, MOST_LISTED).map((item) => `  ${visible(item)}`);
  const more = items.length - shown.length;
  return ["", `${title} (${items.length}):`, ...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
}

function fileText({ name, size, digest, producedBy }: RunFileRef): string {
  const facts = [
    digest === undefined ? "not in the log" : `${size} bytes, ${digestHex(digest).slice(0, 12)}`,
    ...(producedBy === undefined ? [] : [`by step ${producedBy}`]),
  ];
  return `${name} (${facts.join(", ")})`;
}

function modelText({ requested, served, provider }: RunModel): string {
  const name = requested ?? served ?? "unnamed";
  const other = served !== undefined && served !== name ? `, answered by ${served}` : "";
  return `${name}${other}${provider === undefined ? "" : ` (${provider})`}`;
}

function usageText({ totals: { usage } }: RunHead): string | undefined {
  if (usage === undefined) return undefined;
  const { input, output, cost } = usage;
  return [
    ...(input === undefined ? [] : [`${input} tokens in`]),
    ...(output === undefined ? [] : [`${output} out`]),
    ...(cost === undefined ? [] : [`${cost} US dollars`]),
  ].join(", ");
}

function revisionText({ session }: RunHead): string | undefined {
  const vcs = session?.vcs;
  if (vcs === undefined) return undefined;
  const { revision, branch, dirty } = vcs;
  return [revision, branch && `on ${branch}`, dirty && "with changes"].filter(Boolean).join(" ");
}

function environmentText({ environment }: RunHead): string | undefined {
  if (environment === undefined) return undefined;
  const { os, arch, runtime, image, tools = {} } = environment;
  const versions = Object.entries(tools).map(([name, version]) => `${name} ${version}`);
  return [os, arch, runtime, image, ...versions].filter((one) => one !== undefined).join(", ");
}

function stepLine(step: Step, head: RunHead): string {
  const isModel = step.kind === "llm" && step.model !== undefined;
  const model = isModel ? head.models[step.model ?? 0] : undefined;
  const name = step.name ?? model?.requested ?? model?.served;
  const said = step.kind === "tool" || step.kind === "retrieval" ? step.request : step.result;
  const depth = step.parent === undefined ? "" : `in [${step.parent}] `;
  return [
    `  [${step.seq}]`,
    step.kind,
    ...(name === undefined ? [] : [visible(name)]),
    ...(step.status === "ok" ? [] : [`(${step.status})`]),
    ...(depth === "" ? [] : [depth.trim()]),
    glance(said ?? step.result ?? step.request),
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** What a content begins with, on a line. */
function glance(content: Content | undefined): string {
  const [first] = content === undefined ? [] : contentBlocks(content);
  if (first === undefined) return "";
  if ("absent" in first) return `(${first.absent.replace("-", " ")})`;
  if ("digest" in first) return `(${first.size} bytes of ${visible(first.mediaType)})`;
  const text = "text" in first ? first.text : JSON.stringify(first.value);
  const line = visible(
    text
      .slice(0, 4 * GLANCE)
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
  return line.length > GLANCE ? `${line.slice(0, GLANCE - 1).toWellFormed()}…` : line;
}

async function whole(
  run: Run,
  block: ContentBlock,
  signal: AbortSignal | undefined,
): Promise<string> {
  if ("absent" in block) return glance(block);
  if ("digest" in block && !isTextType(block.mediaType)) return glance(block);
  return printable((await run.text(block, { signal })) ?? "");
}
