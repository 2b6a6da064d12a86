import { escapeHtml, factsHtml, number } from "@ctxpack/trace/page";
import type { ReportedPack } from "../pack.ts";
import { type Row, tableHtml } from "./table.ts";
import { bytes, count, digits, duration, minute } from "./units.ts";
import { trustWords } from "./words.ts";

/** Names that are listed of one kind; the rest is counted. */
const MOST_LISTED = 20;

const COLUMNS = [
  "Pack",
  "From",
  { number: "Took" },
  { number: "Content" },
  { number: "Stored" },
  { number: "Own" },
  "Trust",
  "Computed again",
  { number: "Used" },
] as const;

/** The list of packs, each to be unfolded; the script filters it. */
export function packTable(packs: readonly ReportedPack[]): string {
  return tableHtml("Packs", COLUMNS, packs.map(packRow), ' id="packs"');
}

function packRow(pack: ReportedPack): Row {
  const { uri, from, took, bytes: size, usedAt, trust } = pack;
  const short = digits(uri);
  const name = pack.name === undefined ? "" : `${escapeHtml(pack.name)} `;
  const marks = [
    pack.pinned && "pinned",
    pack.partial && "partial",
    pack.unreadable && "unreadable",
  ].filter((mark) => mark !== false);
  const mark = marks.length === 0 ? "" : ` <span class="note">${marks.join(", ")}</span>`;
  const summary = `<summary>${name}<code>${escapeHtml(short)}</code>${mark}</summary>`;
  const tone = trust === "unsigned" || trust === "lapsed" ? "bad" : "good";
  return {
    attributes: ` id="p${escapeHtml(short)}" data-is="${from}"`,
    cells: [
      `<details>${summary}${factsHtml(factsOf(pack))}</details>`,
      from,
      took === undefined ? "" : duration(took.ms),
      bytes(size.content),
      bytes(size.stored),
      bytes(size.own),
      `<span class="${tone}">${trustWords(pack)}</span>`,
      recheckWords(pack),
      minute(usedAt),
    ],
  };
}

function recheckWords({ rechecks }: ReportedPack): string {
  if (rechecks === undefined) return "";
  const { runs, different } = rechecks;
  if (different === 0) return `same ${count(runs, "time")}`;
  return `<span class="bad">not deterministic: ${number(different)} of ${number(runs)} differed</span>`;
}

/** What is known of a pack, as rows of a list: names are plain, values are HTML. */
function factsOf(pack: ReportedPack): [string, string][] {
  const { proofs, took, rechecks } = pack;
  const { provenance, signatures = [], acceptedBy = [] } = proofs ?? {};
  const rows: [string, string | undefined][] = [
    ["URI", `<code>${escapeHtml(pack.uri)}</code>`],
    ["Stages", list(pack.tools)],
    ["Models", list(pack.models)],
    [
      "Inputs",
      list(
        pack.inputs.map(({ name, digest }) => (digest === undefined ? name : `${name} ${digest}`)),
      ),
    ],
    ["Made from", list(provenance?.packs.map(({ name, uri }) => `${name}: ${uri}`))],
    [
      "Items from",
      list(provenance?.reused.map(({ uri, items }) => `${count(items, "item")} of ${uri}`)),
    ],
    ["Files", number(pack.files)],
    ["Where from", pack.origin === "seed" ? "made here" : escapeHtml(pack.origin)],
    ["Since", minute(pack.createdAt)],
    [
      "Took",
      took &&
        `${duration(took.ms)}, ${took.by === "log" ? "measured here" : "as its maker says, unchecked"}`,
    ],
    ["Builder", provenance && escapeHtml(provenance.builder)],
    [
      "Source",
      provenance?.source && list([`${provenance.source.repository} at ${provenance.source.ref}`]),
    ],
    [
      "Signed",
      list(
        signatures.map(({ by, predicateType }) => `with ${by}: ${predicateType}, not checked here`),
      ),
    ],
    [
      "Accepted",
      list(
        acceptedBy.map(
          ({ at, policies }) =>
            `${at.slice(0, 10)} by ${policies.length === 1 ? "1 policy" : `${policies.length} policies`}`,
        ),
      ),
    ],
    ["Differed in", list(rechecks?.last?.paths.map(placeOf), rechecks?.last?.differences)],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "");
}

function placeOf({
  path,
  kind,
  byte,
  pointer,
}: NonNullable<NonNullable<ReportedPack["rechecks"]>["last"]>["paths"][number]): string {
  const where = [pointer, byte !== undefined && `byte ${byte}`].filter(Boolean).join(", ");
  return `${kind} ${path}${where === "" ? "" : ` (${where})`}`;
}

function list(items: readonly string[] | undefined, all = items?.length ?? 0): string | undefined {
  if (items === undefined || items.length === 0) return undefined;
  const shown = items.slice(0, MOST_LISTED).map(escapeHtml);
  const more = all - shown.length;
  return shown.join("<br>") + (more > 0 ? `<br>and ${number(more)} more` : "");
}
