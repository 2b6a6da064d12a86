import type { CtxUri } from "@ctxpack/identity";
import { escapeHtml, number } from "@ctxpack/trace/page";
import type { ReportedPack } from "../pack.ts";
import { type Edge, edgesOf, layOut, type Placed } from "./layout.ts";
import { leftOut, tableHtml } from "./table.ts";
import { digits } from "./units.ts";
import { packLink, trustWords } from "./words.ts";

const MOST_NODES = 150;
const MOST_EDGES = 1000;

const WIDTH = 220;
const HEIGHT = 58;
const GAP_X = 64;
const GAP_Y = 14;
/** Characters of a line in a box. */
const LINE = 32;

/** What was made from what: drawn, and the same as a table. */
export function graphHtml(
  packs: readonly ReportedPack[],
  hasRow: (uri: CtxUri) => boolean,
): string {
  const edges = edgesOf(packs);
  if (edges.length === 0) {
    return `<p class="note">No pack here says that it was made from another one.</p>\n`;
  }
  const known = new Map(packs.map((pack) => [pack.uri, pack]));
  const rows = edges.slice(0, MOST_EDGES).map(({ from, to, as }) => ({
    cells: [packLink(to, known, hasRow), packLink(from, known, hasRow), escapeHtml(as)],
  }));
  const table = tableHtml("What packs were made from", ["Pack", "Made from", "As"], rows);
  const more = leftOut(edges.length, MOST_EDGES, "ctxpack report --json");
  return `${drawing(edges, known, hasRow)}<details><summary>The same as a table <u>show</u></summary>${table}${more}</details>\n`;
}

function drawing(
  edges: readonly Edge[],
  known: ReadonlyMap<CtxUri, ReportedPack>,
  hasRow: (uri: CtxUri) => boolean,
): string {
  const placed = layOut(edges, MOST_NODES);
  const places = new Map(placed.map((one) => [one.uri, one]));
  const all = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const width = (Math.max(...placed.map(({ column }) => column)) + 1) * (WIDTH + GAP_X) - GAP_X;
  const height = (Math.max(...placed.map(({ row }) => row)) + 1) * (HEIGHT + GAP_Y) - GAP_Y;
  const drawn = edges.filter(({ from, to }) => places.has(from) && places.has(to));
  const lines = drawn
    .slice(0, MOST_EDGES)
    .map((edge) => lineSvg(edge, places))
    .join("");
  const boxes = placed.map((one) => boxSvg(one, known.get(one.uri), hasRow(one.uri))).join("");
  const left = all.size - placed.length;
  const note =
    left > 0
      ? `<p class="note">${number(left)} more packs that have to do with others are not drawn; the table has what they were made from.</p>\n`
      : "";
  return `<figure class="lanes"><svg class="graph" role="img" aria-label="${placed.length} packs and what they were made from, from left to right; the table below has the same" width="${width + 2}" height="${height + 2}" viewBox="-1 -1 ${width + 2} ${height + 2}">${lines}${boxes}</svg></figure>\n${note}`;
}

function lineSvg({ from, to, as }: Edge, places: ReadonlyMap<CtxUri, Placed>): string {
  const [a, b] = [places.get(from), places.get(to)];
  if (a === undefined || b === undefined) return "";
  const [x1, y1] = [left(a) + WIDTH, top(a) + HEIGHT / 2];
  const [x2, y2] = [left(b), top(b) + HEIGHT / 2];
  const bend = GAP_X / 2;
  return `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"><title>${escapeHtml(as)}</title></path>`;
}

/** A pack: its name, the stages of its contract, and whose word there is for it. */
function boxSvg(place: Placed, pack: ReportedPack | undefined, isLink: boolean): string {
  const [x, y] = [left(place), top(place)];
  const short = digits(place.uri);
  const name = pack?.name ?? short;
  const stages = [...(pack?.tools ?? []), ...(pack?.models ?? [])].join(" → ");
  const trust = pack === undefined ? "not in this store" : `${trustWords(pack)} · ${short}`;
  const signed = (pack?.proofs?.signatures.length ?? 0) > 0;
  const kind = pack === undefined ? "gone" : signed ? "signed" : "plain";
  const line = (text: string, down: number, extra = "") =>
    `<text${extra} x="${x + 10}" y="${y + down}">${escapeHtml(cut(text))}</text>`;
  const title = `<title>${escapeHtml([name, stages, trust].filter(Boolean).join("\n"))}</title>`;
  const box = `<g class="${kind}">${title}<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6"/>${line(name, 18, ' class="name"')}${line(stages, 34)}${line(trust, 50)}</g>`;
  return isLink ? `<a href="#p${short}" tabindex="-1">${box}</a>` : box;
}

function cut(text: string): string {
  return text.length > LINE ? `${text.slice(0, LINE - 1).toWellFormed()}…` : text;
}

function left({ column }: Placed): number {
  return column * (WIDTH + GAP_X);
}

function top({ row }: Placed): number {
  return row * (HEIGHT + GAP_Y);
}
