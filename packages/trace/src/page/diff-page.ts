import { type DiffRunsOptions, type DriftEvent, driftEvents, MAX_ENTRIES } from "../drift/diff.ts";
import { DRIFT_TYPES, type DriftEntry, type DriftSummary } from "../drift/entry.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { documentEnd, documentStart } from "./document.ts";
import { driftName, entryHtml } from "./entry.ts";
import { escapeHtml } from "./escape.ts";
import { number, runTitle } from "./facts.ts";
import { stepGlance } from "./step-row.ts";

/** Rows that a browser lays out at once, when they come into sight. */
const GROUP = 100;

/** Steps that are the same and follow each other are folded when they are more than this. */
const FOLDED = 3;
/** Of those, so many are listed, */
const MOST_SAME = 100;
/** and so many characters on the whole page; the others are counted. */
const MOST_SAME_SHOWN: number = 8 * 1024 * 1024;

/**
 * Two runs compared, as one HTML page that needs nothing else: what drifted, by kind and cause, and the steps side by side
 * as they were aligned, with the place where the runs part. In pieces. Memory grows with what drifted: the first 10,000
 * entries are shown, with at most 32 MiB of details; whatever comes after them is counted.
 *
 * @throws CtxPackError what `diffRuns` throws.
 */
export async function* diffPage(
  a: Run,
  b: Run,
  options: DiffRunsOptions = {},
): AsyncGenerator<string> {
  const body = new DiffBody(a, b, options.maxEntries ?? MAX_ENTRIES);
  const events = driftEvents(a, b, options);
  for (;;) {
    const { done, value } = await events.next();
    if (done) {
      const title = `${runTitle(a)} and ${runTitle(b)}`;
      yield documentStart(
        title === `${runTitle(a)} and ${runTitle(a)}` ? `${runTitle(a)}, two runs` : title,
      );
      yield* body.pieces(value, options.ignore ?? []);
      yield documentEnd();
      return;
    }
    body.take(value);
  }
}

class DiffBody {
  readonly #a: Run;
  readonly #b: Run;
  readonly #limit: number;
  readonly #head: string[] = [];
  readonly #rows: Row[] = [];
  /** Of steps that are the same, side by side. */
  #same: string[] = [];
  #sameCount = 0;
  #sameLeft = MOST_SAME_SHOWN;
  #shown = 0;
  #moreRows = 0;

  constructor(a: Run, b: Run, limit: number) {
    this.#a = a;
    this.#b = b;
    this.#limit = limit;
  }

  /** Whether what comes is only counted. Steps of which every difference is ignored have rows, and no entries. */
  get #isFull(): boolean {
    return this.#shown >= this.#limit || this.#rows.length > 2 * Math.max(this.#limit, MAX_ENTRIES);
  }

  take({ steps, entries }: DriftEvent): void {
    const isFull = this.#isFull;
    const shown = isFull ? [] : entries.slice(0, this.#limit - this.#shown);
    this.#shown += shown.length;
    if (steps === undefined) {
      const html = shown.map(
        (entry) => `<li data-is="${driftName(entry.type)}">${entryHtml(entry)}</li>\n`,
      );
      this.#head.push(...html);
      return;
    }
    if (isFull) {
      this.#moreRows++;
      return;
    }
    const { kind, a, b } = steps;
    if (kind === "pair" && entries.length === 0 && a && b) {
      this.#sameCount++;
      if (this.#same.length >= MOST_SAME || this.#sameLeft <= 0) return;
      const html = `<div class="sides"><div>${side(a, this.#a)}</div><div>${side(b, this.#b)}</div></div>`;
      this.#sameLeft -= html.length;
      this.#same.push(html);
      return;
    }
    this.#endSame();
    this.#rows.push({ ids: shown.map(({ id }) => id), html: this.#row(kind, { a, b }, shown) });
  }

  *pieces(summary: DriftSummary, ignored: readonly string[]): Generator<string> {
    this.#endSame();
    const { counts, firstDivergence: first, notCaptured, steps } = summary;
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    yield `<header class="top"><div><h1>${escapeHtml(runTitle(this.#a))} <span class="note">and</span> ${escapeHtml(runTitle(this.#b))}</h1>
<p class="uri">a ${this.#a.uri}<br>b ${this.#b.uri}</p></div>
<button id="theme" type="button" hidden></button></header>
<main>
<p>${total === 0 ? "No differences." : `${number(total)} ${total === 1 ? "difference" : "differences"}.`} Steps: ${stepWords(steps)}.${first ? ` <a href="#first">The runs part ${divergence(first)}</a>.` : ""}</p>
`;
    if (notCaptured.length > 0) {
      yield `<p class="note">Not captured by one of the logs, and no drift where it is missing: ${notCaptured.join(", ")}.</p>\n`;
    }
    if (ignored.length > 0) {
      yield `<p class="note">Ignored: ${ignored.map((rule) => `<code>${escapeHtml(rule)}</code>`).join(", ")}.</p>\n`;
    }
    yield toolbar(counts);
    if (this.#head.length > 0) {
      yield `<h2>Of the whole run</h2>\n<ol class="steps" id="head-drift">\n${this.#head.join("")}</ol>\n`;
    }
    yield `<h2>Steps</h2>\n<div id="steps">\n<ol class="steps">\n`;
    for (const [place, { ids, html }] of this.#rows.entries()) {
      if (place > 0 && place % GROUP === 0) yield `</ol>\n<ol class="steps">\n`;
      yield first && ids.includes(first.entry)
        ? html
            .replace('<li class="', '<li id="first" class="first ')
            .replace("<!--flag-->", '<p class="flag">The runs part here</p>')
        : html;
    }
    yield "</ol>\n</div>\n";
    if (total > this.#shown)
      yield `<p class="note">and ${number(total - this.#shown)} more differences</p>\n`;
    if (this.#moreRows > 0)
      yield `<p class="note">and ${number(this.#moreRows)} more steps or pairs of steps</p>\n`;
    yield "</main>\n";
  }

  #row(
    kind: NonNullable<DriftEvent["steps"]>["kind"],
    { a, b }: { readonly a?: Step | undefined; readonly b?: Step | undefined },
    entries: readonly DriftEntry[],
  ): string {
    const is = [...new Set(entries.map(({ type }) => driftName(type)))].join(" ");
    const from = kind === "moved" ? entries[0]?.steps?.a : undefined;
    const left = a
      ? side(a, this.#a)
      : `<p class="side">${from === undefined ? "no such step" : `was step ${from}`}</p>`;
    const right = b ? side(b, this.#b) : `<p class="side">no such step</p>`;
    return `<li class="${kind}" data-is="${is}"><!--flag--><div class="sides"><div>${left}</div><div>${right}</div></div>${entries.map(entryHtml).join("")}</li>\n`;
  }

  #endSame(): void {
    if (this.#sameCount === 0) return;
    const more = this.#sameCount - this.#same.length;
    const rest = more > 0 ? `<p class="note">and ${number(more)} more</p>` : "";
    const list = `${this.#same.join("")}${rest}`;
    const html =
      this.#sameCount <= FOLDED
        ? `<li class="same" data-is="same" data-count="${this.#sameCount}">${list}</li>\n`
        : `<li class="same" data-is="same" data-count="${this.#sameCount}"><details class="same"><summary>${number(this.#sameCount)} steps are the same, <u>show</u></summary>${list}</details></li>\n`;
    this.#rows.push({ ids: [], html });
    this.#same = [];
    this.#sameCount = 0;
  }
}

interface Row {
  /** Of its entries. */
  readonly ids: readonly number[];
  readonly html: string;
}

function side(step: Step, run: Run): string {
  const failed = step.status === "error" ? ' <span class="bad">failed</span>' : "";
  return `<p class="side">[${step.seq}] <span class="kind ${step.kind}">${step.kind}</span>${failed}</p><p class="glance">${stepGlance(step, run.head)}</p>`;
}

function toolbar(counts: DriftSummary["counts"]): string {
  const toggles = DRIFT_TYPES.filter((type) => counts[type] > 0).map((type) => {
    const name = driftName(type);
    return `<button type="button" data-filter="${name}" aria-pressed="true">${name} ${number(counts[type])}</button>`;
  });
  return `<div class="tools" role="toolbar" aria-label="Differences that are shown" hidden>
<input id="search" type="search" placeholder="Find ( / )" aria-label="Find in differences">
${toggles.join("\n")}
<button type="button" data-filter="same" aria-pressed="true">same steps</button>
<span class="note" id="count" role="status"></span></div>\n`;
}

function stepWords(steps: DriftSummary["steps"]): string {
  const words = (["same", "changed", "added", "removed", "moved"] as const)
    .filter((word) => steps[word] > 0)
    .map((word) => `${number(steps[word])} ${word}`);
  return words.length === 0 ? "none" : words.join(", ");
}

function divergence({ a, b }: NonNullable<DriftSummary["firstDivergence"]>): string {
  if (a === undefined) return `after the last step of a, at step ${b} of b`;
  return b === undefined
    ? `after the last step of b, at step ${a} of a`
    : `at step ${a} of a and ${b} of b`;
}
