import { digestHex } from "@ctxpack/identity";
import type { RunFileRef, RunHead } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import { escapeHtml } from "./escape.ts";

/** Names that are listed of one kind; the rest is counted. */
const MOST_LISTED = 200;

/** What is known of a run, as rows of a list: names are plain, values are HTML. */
export function headFacts({ head }: Run): [name: string, html: string][] {
  const { source, agent, session, totals, environment } = head;
  const usage = totals.usage;
  const rows: [string, string | undefined][] = [
    ["Note", text(head.note)],
    ["Agent", text(words(agent?.name, agent?.version, agent?.framework))],
    ["Log", text(words(source.format, source.version, source.id && `known as ${source.id}`))],
    ["Session", text(session?.id)],
    ["Folder", text(session?.cwd)],
    ["Revision", text(words(session?.vcs?.revision, session?.vcs?.branch))],
    [
      "Models",
      list(
        head.models.map(({ requested, served, provider }) =>
          words(
            requested ?? served ?? "unnamed",
            served !== requested && served ? `answered by ${served}` : undefined,
            provider && `of ${provider}`,
          ),
        ),
      ),
    ],
    ["When", text([totals.startedAt, totals.endedAt].filter(Boolean).join(" to "))],
    [
      "Tokens",
      usage &&
        text(
          words(
            usage.input !== undefined && `${number(usage.input)} in`,
            usage.output !== undefined && `${number(usage.output)} out`,
            usage.cost !== undefined && `${usage.cost} US dollars`,
          ),
        ),
    ],
    ["Errors", totals.errors > 0 ? `<span class="bad">${number(totals.errors)}</span>` : undefined],
    [
      "Forked from",
      list(
        (head.parents ?? []).map(({ uri, step }) =>
          step === undefined ? uri : `${uri} at step ${step}`,
        ),
      ),
    ],
    [
      "Environment",
      environment &&
        text(
          words(
            environment.os,
            environment.arch,
            environment.runtime,
            environment.image,
            ...Object.entries(environment.tools ?? {}).map(
              ([name, version]) => `${name} ${version}`,
            ),
          ),
        ),
    ],
    ["Inputs", list(head.inputs.map(fileText))],
    ["Outputs", list(head.outputs.map(fileText))],
    ["Tools", list(head.tools.map(({ name, version }) => words(name, version)))],
    ["Not captured", text(head.notCaptured.join(", "))],
    [
      "Not kept of the log",
      list(
        head.loss.map(
          ({ path, reason, count }) =>
            `${path}: ${reason}${count > 1 ? `, ${number(count)} times` : ""}`,
        ),
      ),
    ],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "");
}

/** The title of a run. */
export function runTitle({ head, uri }: { readonly head: RunHead; readonly uri: string }): string {
  return (
    head.name ??
    head.agent?.name ??
    `Run ${uri.slice("ctx://sha256:".length, "ctx://sha256:".length + 12)}`
  );
}

export function factsHtml(facts: readonly (readonly [string, string])[]): string {
  return `<dl class="facts">\n${facts.map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>\n`).join("")}</dl>\n`;
}

function fileText({ name, size, digest, producedBy }: RunFileRef): string {
  const by = producedBy === undefined ? "" : `, by step ${producedBy}`;
  if (digest === undefined) return `${name} (not in the log${by})`;
  return `${name} (${number(size ?? 0)} bytes, ${digestHex(digest).slice(0, 12)}${by})`;
}

function list(items: readonly string[]): string | undefined {
  if (items.length === 0) return undefined;
  if (items.length === 1) return escapeHtml(items[0] as string);
  const shown = items.slice(0, MOST_LISTED).map((item) => `<li>${escapeHtml(item)}</li>`);
  if (items.length > MOST_LISTED)
    shown.push(`<li>and ${number(items.length - MOST_LISTED)} more</li>`);
  const whole = `<ul class="plain">${shown.join("")}</ul>`;
  return items.length <= 6
    ? whole
    : `<details><summary>${number(items.length)} of them, <u>show</u></summary>${whole}</details>`;
}

function text(value: string | undefined): string | undefined {
  return value === undefined ? undefined : escapeHtml(value);
}

function words(...parts: readonly (string | undefined | false)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== "").join(" · ");
}

export function number(value: number): string {
  return value.toLocaleString("en");
}
