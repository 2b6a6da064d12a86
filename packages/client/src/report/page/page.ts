import type { CtxUri } from "@ctxpack/identity";
import { documentEnd, documentStart, number } from "@ctxpack/trace/page";
import type { StoreReport } from "../report.ts";
import { graphHtml } from "./graph.ts";
import { packTable } from "./pack-rows.ts";
import {
  contractsHtml,
  determinismHtml,
  diskHtml,
  hitsHtml,
  missesHtml,
  trustHtml,
} from "./sections.ts";
import { leftOut } from "./table.ts";
import { count, minute } from "./units.ts";

/** A browser lays out so many rows, each to be unfolded, in a second. */
const MOST_PACKS = 2000;

/** A report as one HTML page that needs nothing else, in pieces. It holds no more than `report --json` does. */
export function* reportPage(report: StoreReport): Generator<string> {
  const { packs } = report;
  const shown = packs.slice(0, MOST_PACKS);
  const rows = new Set(shown.map(({ uri }) => uri));
  const hasRow = (uri: CtxUri): boolean => rows.has(uri);
  yield documentStart("ctxpack report", "packs");
  yield `<header class="top"><div><h1>${count(packs.length, "pack")}</h1><p class="uri">${minute(report.at)} UTC</p></div>
<button id="theme" type="button" hidden></button></header>
<main>
<h2>Disk</h2>
${diskHtml(report)}`;
  yield `<h2>Hits</h2>\n${hitsHtml(report)}`;
  yield `<h2>Contracts here</h2>\n${contractsHtml(report)}`;
  yield `<h2>Misses</h2>\n${missesHtml(report, hasRow)}`;
  yield `<h2>Trust</h2>\n${trustHtml(report)}`;
  yield `<h2>Determinism</h2>\n${determinismHtml(report, hasRow)}`;
  yield `<h2>Made from</h2>\n${graphHtml(packs, hasRow)}`;
  yield `<h2>Packs</h2>\n${toolbar(shown)}`;
  yield packTable(shown);
  yield leftOut(packs.length, MOST_PACKS, "ctxpack ls --plain");
  yield `</main>\n${documentEnd()}`;
}

function toolbar(packs: StoreReport["packs"]): string {
  const counts = Map.groupBy(packs, ({ from }) => from);
  const toggles = [...counts].map(
    ([from, { length }]) =>
      `<button type="button" data-filter="${from}" aria-pressed="true">${from} ${number(length)}</button>`,
  );
  return `<div class="tools" role="toolbar" aria-label="Packs that are shown" hidden>
<input id="search" type="search" placeholder="Find in packs ( / )" aria-label="Find in packs">
${toggles.join("\n")}
<button id="unfold" type="button" aria-expanded="false">Unfold all</button>
<span class="note" id="count" role="status"></span></div>\n`;
}
