import type { JsonValue } from "@ctxpack/identity";
import { type Content, type ContentBlock, contentBlocks, isStored } from "../run/content.ts";
import type { Run } from "../run/read.ts";
import { escapeHtml } from "./escape.ts";

/** Characters of one block that a page shows. */
const MOST_SHOWN = 8192;

/** A content of more bytes is not read for a page. */
const MOST_READ: number = 256 * 1024;

/** Characters of what is said on one line. */
const GLANCE = 160;

/** How much of what a run holds goes into a page; what is left out is said, with the command that shows it. */
export class ContentBudget {
  /** Characters that may still be shown. */
  left: number = 48 * 1024 * 1024;
}

/** What a content shows its contents with. */
export interface ContentView {
  readonly run: Run;
  readonly budget: ContentBudget;
  /** The command that shows all of it. */
  readonly command: string;
  readonly signal: AbortSignal | undefined;
}

/** A content below a heading. */
export async function contentSection(
  title: string,
  content: Content | undefined,
  view: ContentView,
): Promise<string> {
  if (content === undefined) return "";
  let text = `<h3>${title}</h3>`;
  for (const block of contentBlocks(content)) text += await blockHtml(block, view);
  return text;
}

async function blockHtml(block: ContentBlock, view: ContentView): Promise<string> {
  if ("absent" in block) return absentHtml(block);
  const cut =
    "truncated" in block && block.truncated ? note("the log says that this is not all") : "";
  if (isStored(block)) {
    const what = `${block.size.toLocaleString("en")} bytes of ${escapeHtml(block.mediaType)}`;
    const isText = /^(?:text\/|application\/(?:json|.*\+json))/.test(block.mediaType);
    if (!isText || block.size > MOST_READ || view.budget.left <= 0) {
      return note(`${what}: <code>${escapeHtml(view.command)}</code> shows it`);
    }
  }
  const text = "value" in block ? pretty(block.value) : ((await view.run.text(block, view)) ?? "");
  return shownText(text, view) + cut;
}

function shownText(text: string, { budget, command }: ContentView): string {
  if (text === "") return note("empty");
  const most = Math.min(MOST_SHOWN, Math.max(0, budget.left));
  const shown = text.length > most ? text.slice(0, most).toWellFormed() : text;
  budget.left -= shown.length;
  const more = text.length - shown.length;
  const rest =
    more > 0
      ? note(
          `and ${more.toLocaleString("en")} more characters: <code>${escapeHtml(command)}</code>`,
        )
      : "";
  return `<pre tabindex="0">${escapeHtml(shown)}</pre>${rest}`;
}

/** What is not there is told apart from what is empty. */
function absentHtml({ absent, reference }: Extract<ContentBlock, { absent: unknown }>): string {
  const where = reference === undefined ? "" : `: ${escapeHtml(reference)}`;
  return `<p class="absent">${absent.replace("-", " ")}${where}</p>`;
}

/** What a content begins with, on one line, escaped. */
export function glanceHtml(content: Content | undefined): string {
  const [first] = content === undefined ? [] : contentBlocks(content);
  if (first === undefined) return "";
  if ("absent" in first) return `<span class="absent">${first.absent.replace("-", " ")}</span>`;
  if ("digest" in first) {
    return `<span class="absent">${first.size.toLocaleString("en")} bytes of ${escapeHtml(first.mediaType)}</span>`;
  }
  const text = "text" in first ? first.text : JSON.stringify(first.value);
  const line = text
    .slice(0, 4 * GLANCE)
    .replaceAll(/\s+/g, " ")
    .trim();
  const shown = line.length > GLANCE ? `${line.slice(0, GLANCE - 1).toWellFormed()}…` : line;
  return escapeHtml(shown);
}

function note(html: string): string {
  return `<p class="note">${html}</p>`;
}

function pretty(value: JsonValue): string {
  return JSON.stringify(value, null, 2);
}
