import { type CtxUri, digestHex, uriDigest, visible } from "@ctxpack/identity";
import { type LineageNode, type LoggedRun, lineage, runTime } from "./graph.ts";
import { Lanes } from "./lanes.ts";

/** A log for a person: a run a line, the latest first. Without colours and without anything that a terminal would obey. */
export function renderLog(
  runs: Iterable<LoggedRun>,
  options: {
    /** Draws the lines between runs and what they are forks of. */
    readonly graph?: boolean | undefined;
  } = {},
): string {
  const nodes = lineage(runs);
  if (nodes.length === 0) return "No runs found.\n";
  if (!options.graph) return nodes.map((node) => `${describe(node)}\n`).join("");
  const lanes = new Lanes();
  const places = new Map(nodes.map(({ uri }, place) => [uri, place]));
  let text = "";
  for (const [place, node] of nodes.entries()) {
    const parents = node.parents.filter((parent) => (places.get(parent) ?? -1) > place);
    const lines = lanes.row({ uri: node.uri, parents });
    text += `${lines.join("\n")}${describe(node)}\n`;
  }
  return text;
}

/** `<12 hex>  <when it ended>  <model>  <n> steps (forked from <12 hex>)`. */
function describe({ uri, head, parents, missing }: LineageNode): string {
  const time = runTime(head)?.slice(0, 19).replace("T", " ") ?? "-".padEnd(19);
  const [model, ...others] = head.models.map(
    ({ requested, served }) => requested ?? served ?? "unnamed",
  );
  const models = others.length === 0 ? (model ?? "no model") : `${model} +${others.length}`;
  const { count } = head.steps;
  const from = parents.map((parent) => shortUri(parent) + (missing.includes(parent) ? "?" : ""));
  return [
    shortUri(uri),
    time,
    visible(models),
    `${count} ${count === 1 ? "step" : "steps"}${from.length > 0 ? ` (forked from ${from.join(", ")})` : ""}`,
    ...(head.name === undefined ? [] : [visible(head.name).slice(0, 80).toWellFormed()]),
  ].join("  ");
}

function shortUri(uri: CtxUri): string {
  return digestHex(uriDigest(uri)).slice(0, 12);
}
