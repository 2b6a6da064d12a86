import type { CtxUri } from "@ctxpack/identity";
import { escapeHtml, factsHtml, number } from "@ctxpack/trace/page";
import { clausesOf } from "../../why/words.ts";
import type { ReportedPack } from "../pack.ts";
import type { StoreReport } from "../report.ts";
import { leftOut, tableHtml } from "./table.ts";
import { bytes, count, duration, minute } from "./units.ts";
import { packLink } from "./words.ts";

const MOST_MISSES = 200;

/** What the store takes, and what sharing saves. */
export function diskHtml({ disk, packs }: StoreReport): string {
  return factsHtml([
    ["Takes", `${bytes(disk.size)} of ${bytes(disk.budget)} that it may take`],
    ["Packs", `${count(packs.length, "pack")}, ${bytes(disk.content)} of files`],
    [
      "Stored",
      `${bytes(disk.stored)} compressed; ${bytes(disk.apart)} if packs shared nothing: sharing saves ${bytes(disk.apart - disk.stored)}`,
    ],
    ["Can go", `${bytes(disk.canGo)} (<code>ctxpack gc</code> says what)`],
  ]);
}

/** What packs were good for, and plainly what is not known of it. */
export function hitsHtml({ hits, packs }: StoreReport): string {
  const { pulled, runs } = hits;
  const here = packs.filter(({ took }) => took?.by === "log");
  const spent = here.reduce((sum, { took }) => sum + (took?.ms ?? 0), 0);
  const rows: [string, string][] = [
    [
      "Computed here",
      `${count(here.length, "pack")}, in ${duration(spent)}: what each hit on one of them saves`,
    ],
    [
      "Used again",
      `${count(hits.usedAgain, "pack")} an hour or more after they came: hit, pulled, pushed or read`,
    ],
    ["Items reused", `${count(hits.reusedItems, "item")} that maps took from earlier packs`],
    [
      "Pulled",
      pulled.packs === 0
        ? "nothing"
        : `${count(pulled.packs, "pack")}, not computed here: ${duration(pulled.ms)} saved, as their makers say${pulled.unknown > 0 ? `; of ${number(pulled.unknown)} nobody says` : ""}`,
    ],
  ];
  if (runs === undefined) {
    return `${factsHtml(rows)}<p class="note">How often a pack was hit is not known: the store does not count hits. Keep what <code>ctxpack run --json</code> and <code>map --json</code> print in a file, and give it to <code>ctxpack report --runs FILE</code>.</p>\n`;
  }
  rows.push([
    "Runs",
    `${count(runs.hits, "hit")}, ${number(runs.computed)} computed, ${number(runs.failed)} failed`,
  ]);
  rows.push([
    "Time saved",
    `${duration(runs.savedMs)} by hits${runs.unknownHits > 0 ? `; what ${number(runs.unknownHits)} more would have taken is not known` : ""}`,
  ]);
  const ignored =
    runs.ignored > 0
      ? `<p class="note">${count(runs.ignored, "line")} of the files given with --runs could not be read.</p>\n`
      : "";
  return factsHtml(rows) + ignored;
}

/** What was computed here, and what its contract differed in from the one before. */
export function missesHtml(
  { misses, packs }: StoreReport,
  hasRow: (uri: CtxUri) => boolean,
): string {
  const note = `<p class="note">A pack that was computed here was a miss. The reason is what its contract differs in from the last earlier pack of its name or output that is still here; what was said at the time is not kept.</p>\n`;
  if (misses.length === 0) return `<p class="note">Nothing that is here was computed here.</p>\n`;
  const known = new Map(packs.map((pack) => [pack.uri, pack]));
  const rows = misses.slice(0, MOST_MISSES).map(({ uri, at, durationMs, explanation }) => ({
    cells: [
      packLink(uri, known, hasRow),
      minute(at),
      duration(durationMs),
      explanation === undefined
        ? '<span class="note">no earlier pack of its name or output is here</span>'
        : `${escapeHtml(clausesOf(explanation.differences))}; since ${packLink(explanation.nearest.uri, known, hasRow)}`,
    ],
  }));
  const columns = ["Pack", { number: "When" }, { number: "Took" }, "Why"];
  const more = leftOut(misses.length, MOST_MISSES, "ctxpack report --json");
  return note + tableHtml("Misses", columns, rows) + more;
}

/** How the contracts of the project stand. */
export function contractsHtml({ contracts }: StoreReport): string {
  if (contracts.length === 0) {
    return `<p class="note">There was no contract in the folder that this was made in.</p>\n`;
  }
  const rows = contracts.map(({ file, state, explanation, error }) => ({
    cells: [
      escapeHtml(file),
      `<span class="${state === "fresh" || state === "remote" ? "good" : "bad"}">${state}</span>`,
      escapeHtml(error?.message ?? (explanation ? clausesOf(explanation.differences) : "")),
    ],
  }));
  return tableHtml("Contracts", ["Contract", "Result", "Why"], rows);
}

/** Which policies there are, and how many packs stand how. */
export function trustHtml({ policies, packs }: StoreReport): string {
  const words: Readonly<Record<ReportedPack["trust"], string>> = {
    own: "made here: no policy is asked",
    accepted: "accepted by policies",
    lapsed: "accepted by other policies, or for a time that has ended: looked at again before use",
    signed: "signed, and judged by nobody",
    unsigned: "nobody vouches for them",
  };
  const inForce = policies.map(({ file, digest }) =>
    escapeHtml(
      digest === undefined ? `${file} (cannot be read: ctxpack doctor)` : `${file} ${digest}`,
    ),
  );
  const states = Object.entries(words).flatMap(([state, meaning]): [string, string][] => {
    const many = packs.filter(({ trust }) => trust === state).length;
    return many === 0 ? [] : [[number(many), meaning]];
  });
  const facts: [string, string][] = [
    ["Policies", inForce.length === 0 ? "none" : inForce.join("<br>")],
    ...states,
  ];
  return `${factsHtml(facts)}<p class="note">No signature was checked for this page, but for results of the contracts here whose acceptance had ended: <code>ctxpack verify</code> does that.</p>\n`;
}

/** What another output came of when it was computed again. */
export function determinismHtml({ packs }: StoreReport, hasRow: (uri: CtxUri) => boolean): string {
  const checked = packs.filter(({ rechecks }) => rechecks !== undefined);
  const differing = checked.filter(({ rechecks }) => (rechecks?.different ?? 0) > 0);
  const said = `<p>${count(checked.length, "pack")} of ${number(packs.length)} computed again, ${number(differing.length)} not deterministic.</p>\n`;
  if (differing.length === 0) return said;
  const known = new Map(packs.map((pack) => [pack.uri, pack]));
  const rows = differing.slice(0, MOST_MISSES).map(({ uri, rechecks }) => ({
    cells: [
      packLink(uri, known, hasRow),
      `${number(rechecks?.different ?? 0)} of ${number(rechecks?.runs ?? 0)}`,
      escapeHtml(
        (rechecks?.last?.paths ?? [])
          .slice(0, 3)
          .map(({ path, pointer }) => (pointer === undefined ? path : `${path} ${pointer}`))
          .join(", "),
      ),
    ],
  }));
  const columns = ["Pack", { number: "Differed" }, "In"];
  const more = leftOut(differing.length, MOST_MISSES, "ctxpack report --json");
  return said + tableHtml("Not deterministic", columns, rows) + more;
}
