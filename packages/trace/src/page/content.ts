import { digestHex, type JsonValue } from "@ctxpack/identity";
import {
  type Content,
  type ContentBlock,
  contentBlocks,
  isStored,
  isTextType,
} from "../run/content.ts";
import type { Run } from "../run/read.ts";
import { escapeHtml } from "./escape.ts";

/** Characters of one block that a page shows. */
const MOST_SHOWN = 8192;

/** A content of more bytes is not read for a page. */
const MOST_READ: number = 256 * 1024;

/** Parts of one content that are shown; the others are counted. */
const MOST_PARTS = 100;

/** Characters of what is said on one line. */
const GLANCE = 160;

/**
 * How much of what a run holds goes into a page, with what is said about it; what is left out is said, with the command
 * that shows it.
 */
export class ContentBudget {
  /** Characters that may still be shown. */
  left: number = 48 * 1024 * 1024;

  /** Takes what `html` is long from what is left. */
  charge(html: string): string {
    this.left -= html.length;
    return html;
  }
}

/** What a content shows its contents with. */
export interface ContentView {
  readonly run: Run;
  readonly budget: ContentBudget;
  /** The command that shows all of it but what is stored, which has its own. */
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
  const { budget } = view;
  const blocks = contentBlocks(content);
  let text = budget.charge(`<h3>${title}</h3>`);
  let count = 0;
  for (const block of blocks.slice(0, MOST_PARTS)) {
    if (budget.left <= 0) break;
    text += await blockHtml(block, view);
    count++;
  }
  const left = blocks.length - count;
  if (left === 0) return text;
  const what =
    blocks.length === 1 ? "not shown here" : `and ${left.toLocaleString("en")} more parts`;
  return text + budget.charge(commandNote(what, view.command));
}

async function blockHtml(block: ContentBlock, view: ContentView): Promise<string> {
  const { budget } = view;
  if ("absent" in block) return budget.charge(absentHtml(block));
  const cut =
    "truncated" in block && block.truncated
      ? budget.charge(note("the log says that this is not all"))
      : "";
  let { command } = view;
  if (isStored(block)) {
    command = `ctxpack cat ${view.run.uri} content/${digestHex(block.digest)}`;
    if (!isTextType(block.mediaType) || block.size > MOST_READ) {
      const what = `${block.size.toLocaleString("en")} bytes of ${block.mediaType}`;
      return budget.charge(commandNote(what, command)) + cut;
    }
  }
  const text = "value" in block ? pretty(block.value) : ((await view.run.text(block, view)) ?? "");
  return shownText(text, { budget, command }) + cut;
}

function shownText(text: string, { budget, command }: Pick<ContentView, "budget" | "command">) {
  if (text === "") return budget.charge(note("empty"));
  const most = Math.min(MOST_SHOWN, Math.max(0, budget.left));
  const shown = text.length > most ? text.slice(0, most).toWellFormed() : text;
  const html = budget.charge(`<pre tabindex="0">${escapeHtml(shown)}</pre>`);
  const more = text.length - shown.length;
  if (more === 0) return html;
  const what = `and ${more.toLocaleString("en")} more characters`;
  return html + budget.charge(commandNote(what, command));
}

/** What is not shown, and the command that shows it. */
export function commandNote(what: string, command: string): string {
  return note(`${escapeHtml(what)}: <code>${escapeHtml(command)}</code>`);
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
