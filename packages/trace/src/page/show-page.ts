import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { ContentBudget, type ContentView, commandNote, contentSection } from "./content.ts";
import { documentEnd, documentStart } from "./document.ts";
import { escapeHtml } from "./escape.ts";
import { factsHtml, headFacts, number, runTitle } from "./facts.ts";
import { stepGlance, stepMeta } from "./step-row.ts";
import { Timeline } from "./timeline.ts";

/** How a page is made. */
export interface PageOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Steps that a browser lays out at once, when they come into sight: each on its own takes it too long. */
const GROUP = 250;

/** A piece of the page is handed on when it is longer, in characters. */
const PIECE: number = 1024 * 1024;

/** Files and hosts of one step that are listed; the others are counted. */
const MOST_EFFECTS = 50;

/** Steps that are indented by what they are part of, so deep at most. */
const DEEPEST = 3;

/**
 * A run as one HTML page that needs nothing else: what is known of it, its steps in lanes, each to be unfolded. In pieces;
 * memory does not grow with what the steps hold. Texts of more than 8 KiB, and all beyond 48 MiB, are cut and say so.
 *
 * @throws CtxPackError what reading the run throws when it is damaged.
 */
export async function* showPage(run: Run, options: PageOptions = {}): AsyncGenerator<string> {
  const { signal } = options;
  const timeline = new Timeline();
  for await (const step of run.steps({ signal })) timeline.add(step.kind, step.status === "error");
  const title = runTitle(run);
  yield documentStart(title);
  yield `<header class="top"><div><h1>${escapeHtml(title)}</h1><p class="uri">${run.uri}</p></div>
<button id="theme" type="button" hidden></button></header>
<main>
`;
  const view = { run, budget: new ContentBudget(), signal };
  yield view.budget.charge(factsHtml(headFacts(run)));
  yield await systemSection(run, { ...view, command: `ctxpack trace show ${run.uri} --json` });
  yield `<h2 id="list">${number(run.head.steps.count)} ${run.head.steps.count === 1 ? "step" : "steps"}</h2>\n`;
  yield timeline.svg();
  yield toolbar(timeline);
  yield `<div id="steps">\n`;
  yield* stepRows(run, view);
  yield `</div>\n</main>\n`;
  yield documentEnd();
}

async function systemSection(run: Run, view: ContentView): Promise<string> {
  const { system } = run.head;
  if (system.length === 0) return "";
  let text = "";
  for (const [index, prompt] of system.entries()) {
    const title = system.length > 1 ? `System prompt ${index + 1}` : "System prompt";
    text += await contentSection(title, prompt, view);
  }
  return `<details><summary><h2>System prompt <u>show</u></h2></summary>${text}</details>\n`;
}

function toolbar(timeline: Timeline): string {
  const toggles = [...timeline.counts()].map(
    ([kind, count]) =>
      `<button type="button" data-filter="${kind}" aria-pressed="true">${kind} ${number(count)}</button>`,
  );
  return `<div class="tools" role="toolbar" aria-label="Steps that are shown" hidden>
<input id="search" type="search" placeholder="Find in steps ( / )" aria-label="Find in steps">
${toggles.join("\n")}
<button id="unfold" type="button" aria-expanded="false">Unfold all</button>
<span class="note" id="count" role="status"></span></div>\n`;
}

async function* stepRows(run: Run, view: Omit<ContentView, "command">): AsyncGenerator<string> {
  const depths = new Map<number, number>();
  let rows = "";
  let count = 0;
  for await (const step of run.steps({ signal: view.signal })) {
    const depth = step.parent === undefined ? 0 : (depths.get(step.parent) ?? 0) + 1;
    // Only these have steps that are part of them.
    if (step.kind === "agent") depths.set(step.seq, depth);
    const command = `ctxpack trace show ${run.uri} --step ${step.seq}`;
    if (count % GROUP === 0) rows += count === 0 ? GROUP_START : `${GROUP_END}${GROUP_START}`;
    count++;
    rows += await stepRow(step, depth, { ...view, command });
    if (rows.length <= PIECE) continue;
    yield rows;
    rows = "";
  }
  yield count === 0 ? "" : `${rows}${GROUP_END}`;
}

const GROUP_START = `<ol class="steps">\n`;
const GROUP_END = "</ol>\n";

async function stepRow(step: Step, depth: number, view: ContentView): Promise<string> {
  const { seq, kind } = step;
  const indent = depth === 0 ? "" : ` class="d${Math.min(depth, DEEPEST)}"`;
  const summary =
    `<span class="seq">${seq}</span><span class="kind ${kind}">${kind}</span>` +
    `<span class="glance">${stepGlance(step, view.run.head)}</span><span class="meta">${stepMeta(step)}</span>`;
  const body = await stepBody(step, view);
  return `<li id="s${seq}" data-is="${kind}"${indent}><details class="step"><summary>${summary}</summary><div class="body">${body}</div></details></li>\n`;
}

async function stepBody(step: Step, view: ContentView): Promise<string> {
  const { kind } = step;
  const { budget, command } = view;
  if (budget.left <= 0) return commandNote("this page holds no more", command);
  const body = [
    await contentSection("asked", step.request, view),
    await contentSection("reasoning", step.reasoning, view),
    await contentSection(
      kind === "user" || kind === "system" || kind === "llm" ? "said" : "came back",
      step.result,
      view,
    ),
    await contentSection("error", step.error?.message, view),
    await contentSection("parameters", step.params, view),
    await contentSection("more in the log", step.extra, view),
    budget.charge(facts(step)),
  ];
  return body.join("");
}

function facts(step: Step): string {
  const { startedAt, by, parent, finishReason, callId, effects, error } = step;
  const link = (seq: number) => `<a href="#s${seq}">step ${seq}</a>`;
  const rows: [string, string | undefined][] = [
    ["began", startedAt && escapeHtml(startedAt)],
    ["asked for by", by === undefined ? undefined : link(by)],
    ["part of", parent === undefined ? undefined : link(parent)],
    ["ended with", finishReason && escapeHtml(finishReason)],
    ["kind of error", error?.type && escapeHtml(error.type)],
    ["call", callId && escapeHtml(callId)],
    ["read", effectsHtml(effects?.read)],
    ["wrote", effectsHtml(effects?.write)],
    ["network", effectsHtml(effects?.net)],
  ];
  const known = rows.filter(
    (row): row is [string, string] => row[1] !== undefined && row[1] !== "",
  );
  return known.length === 0 ? "" : factsHtml(known);
}

function effectsHtml(names: readonly string[] | undefined): string | undefined {
  if (names === undefined) return undefined;
  const more = names.length - MOST_EFFECTS;
  const shown = escapeHtml(names.slice(0, MOST_EFFECTS).join(", "));
  return more > 0 ? `${shown} and ${number(more)} more` : shown;
}
