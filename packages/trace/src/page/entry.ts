import { digestHex } from "@ctxpack/identity";
import type { DriftEntry, MemberChange } from "../drift/entry.ts";
import { WHY } from "../drift/human.ts";
import type { ContentBlock } from "../run/content.ts";
import { escapeHtml } from "./escape.ts";

/** Characters of one value; of hunks, in lines. */
const MOST_SHOWN = 2000;
const MOST_LINES = 400;

/** One thing that drifted: its kind, one sentence, its cause, and the members that differ. */
export function entryHtml(entry: DriftEntry): string {
  const { id, type, description, changes, more } = entry;
  const shown = changes.map(changeHtml).join("");
  const rest = more ? `<p class="note">and more</p>` : "";
  return `<div class="entry" id="e${id}"><span class="note">${id}</span> <span class="type">${driftName(type)}</span> ${escapeHtml(description)} ${causeHtml(entry)}${shown}${rest}</div>`;
}

/** `model` for `model_drift`. */
export function driftName(type: DriftEntry["type"]): string {
  return type.slice(0, -"_drift".length);
}

function causeHtml({ cause }: DriftEntry): string {
  if (cause.why === "independent") return "";
  const began =
    cause.root === cause.entry
      ? ""
      : `, which began with <a href="#e${cause.root}">${cause.root}</a>`;
  return `<span class="note">after <a href="#e${cause.entry}">${cause.entry}</a>${began}: ${WHY[cause.why]}</span>`;
}

function changeHtml({ path, a, b, text, cut }: MemberChange): string {
  const where = `<code>${escapeHtml(path)}</code>`;
  if (text !== undefined && !(isShort(a) && isShort(b))) {
    return `<p>${where}</p><pre class="hunk" tabindex="0">${hunkHtml(text)}</pre>${cut ? '<p class="note">cut</p>' : ""}`;
  }
  const before = a === undefined ? "" : `<del>${blockText(a)}</del> `;
  const after = b === undefined ? "" : `<ins>${blockText(b)}</ins>`;
  return `<p>${where} ${before}${after}</p>`;
}

/** What is read at a glance needs no hunks. */
function isShort(block: ContentBlock | undefined): boolean {
  if (block === undefined) return true;
  return "text" in block && block.text.length <= 120 && !block.text.includes("\n");
}

function hunkHtml(text: string): string {
  const lines = text.split("\n");
  const shown = lines.slice(0, MOST_LINES).map((line) => {
    const kind = line.startsWith("@@")
      ? "at"
      : line.startsWith("+")
        ? "plus"
        : line.startsWith("-")
          ? "minus"
          : "even";
    return `<span class="${kind}">${escapeHtml(line) || " "}</span>`;
  });
  const left = lines.length - shown.length;
  return shown.join("") + (left > 0 ? `<span class="at">${left} more lines</span>` : "");
}

function blockText(block: ContentBlock): string {
  if ("absent" in block) return `(${block.absent.replace("-", " ")})`;
  if ("digest" in block) return `${block.size} bytes, ${digestHex(block.digest).slice(0, 12)}`;
  const text = "text" in block ? block.text : JSON.stringify(block.value);
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN).toWellFormed()}…` : text;
  return shown === "" ? "(empty)" : escapeHtml(shown);
}
