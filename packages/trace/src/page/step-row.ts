import type { RunHead } from "../run/head.ts";
import type { Step } from "../run/step.ts";
import { glanceHtml } from "./content.ts";
import { escapeHtml } from "./escape.ts";

/** What a step is, on one line: whom it is of, and what was said, asked or came back. */
export function stepGlance(step: Step, head: RunHead): string {
  const model =
    step.kind === "llm" && step.model !== undefined ? head.models[step.model] : undefined;
  const name = step.name ?? model?.requested ?? model?.served;
  const isAsked = step.kind === "tool" || step.kind === "retrieval" || step.kind === "agent";
  const said = isAsked
    ? (step.request ?? step.result)
    : (step.result ?? step.reasoning ?? step.request);
  const bold = name === undefined ? "" : `<b>${escapeHtml(name)}</b> `;
  return `${bold}${glanceHtml(said)}`;
}

/** How it went: failed or not known, how long it took, what it used. */
export function stepMeta(step: Step): string {
  const { status, startedAt, endedAt, usage } = step;
  const parts: string[] = [];
  if (status !== "ok")
    parts.push(`<span class="bad">${status === "error" ? "failed" : "no result"}</span>`);
  if (startedAt !== undefined && endedAt !== undefined) {
    const ms = Date.parse(endedAt) - Date.parse(startedAt);
    if (Number.isFinite(ms) && ms >= 0)
      parts.push(ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
  }
  const tokens = (usage?.input ?? 0) + (usage?.output ?? 0);
  if (tokens > 0) parts.push(`${tokens.toLocaleString("en")} tokens`);
  return parts.join(" · ");
}
