import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** The colours of a picture, on light and on dark. */
export const COLOURS = {
  paper: ["#ffffff", "#0d1117"],
  ink: ["#1f2328", "#e6edf3"],
  faint: ["#d1d9e0", "#3d444d"],
  dim: ["#59636e", "#9198a1"],
  ours: ["#0a7d5a", "#3fb98f"],
  peer: ["#a5adb6", "#6a737d"],
} as const;

const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

const CONFIG = {
  background: COLOURS.paper[0],
  font: FONT,
  padding: 12,
  // The picture has one title, and its figures stand in the table beside it.
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: COLOURS.ink[0],
    titleColor: COLOURS.dim[0],
    gridColor: COLOURS.faint[0],
    domainColor: COLOURS.faint[0],
    tickColor: COLOURS.faint[0],
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
  },
  legend: {
    labelColor: COLOURS.ink[0],
    titleColor: COLOURS.dim[0],
    labelFontSize: 12,
    labelLimit: 400,
  },
  title: {
    color: COLOURS.ink[0],
    subtitleColor: COLOURS.dim[0],
    anchor: "start",
    fontSize: 14,
    subtitleFontSize: 12,
    offset: 8,
  },
} as const;

/**
 * Draws a chart as one self-contained SVG that is legible on light and on dark: it has a ground of its own, which follows what
 * the reader prefers.
 */
export async function drawSvg(spec: TopLevelSpec, description: string): Promise<string> {
  const { spec: compiled } = compile(spec, { config: CONFIG as object });
  const view = new View(parse(compiled), { renderer: "none" });
  const svg = await view.runAsync().then((ready) => ready.toSVG());
  view.finalize();
  return `${decorate(svg, description)}\n`;
}

/** Colours are attributes, for programs that know no style sheets; a style sheet is stronger than they are. */
function decorate(svg: string, description: string): string {
  const dark = Object.values(COLOURS)
    .flatMap(([light, other]) => [
      `[fill="${light}"]{fill:${other}}`,
      `[stroke="${light}"]{stroke:${other}}`,
    ])
    .join("");
  const open = svg.indexOf(">") + 1;
  const head = svg.slice(0, open).replace("<svg ", '<svg role="img" ');
  const style = `<style>@media (prefers-color-scheme:dark){${dark}}</style>`;
  return `${head}<title>${escapeText(description)}</title>${style}${svg.slice(open)}`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
