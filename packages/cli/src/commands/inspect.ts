import type { DescribedProofs, LegacyDescription, PackDescription } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { TELEMETRY_FLAGS } from "../flags.ts";
import { formatBytes, formatTable, plural } from "../format.ts";
import { harmless } from "../harmless.ts";

export const inspect: Command = defineCommand({
  usage: "inspect <uri> [--from PANTRY]",
  example: ["ctxpack inspect ctx://sha256:7c1e…"],
  about:
    "Shows what made a pack and what it holds, from its manifest, contract and index; reads no data. Who made it is\n" +
    "what signers and this machine say, and so for the packs that it was made from, as far as the store has them.\n" +
    "ctxpack ls <uri> lists its files.",
  takes: [1, 1],
  flags: {
    from: { type: "string", value: "PANTRY", about: "read it there" },
    ...TELEMETRY_FLAGS,
  },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const pack = await ctx.inspect(args[0] as string, { from: flags.from, signal });
    output.result(harmless(output.options.plain ? plainText(pack) : text(pack)), { ...pack });
    return undefined;
  },
});

function text(pack: PackDescription | LegacyDescription): string {
  if ("profile" in pack) return legacyText(pack);
  const rows = [
    ["uri", pack.uri],
    ...(pack.kind === "trace" ? [["kind", "the trace of an agent's run"]] : []),
    ...(pack.name === undefined ? [] : [["name", pack.name]]),
    ["where", pack.where],
    ...(pack.origin === undefined ? [] : [["origin", pack.origin]]),
    ...(pack.createdAt === undefined ? [] : [["since", pack.createdAt]]),
    ["manifest", pack.manifest],
    ["tree", pack.tree],
    ...(pack.rechecks === undefined ? [] : [["rechecked", recheckText(pack.rechecks)]]),
    ["content", `${plural(pack.files, "file")}, ${formatBytes(pack.bytes.content)}`],
    ["packed", `${formatBytes(pack.bytes.packed)} in ${plural(pack.segments, "segment")}`],
  ];
  const proofs = pack.proofs && describeProofs(pack.proofs, pack.kind);
  if (proofs !== undefined) rows.push(...proofs);
  const [title, config] =
    pack.kind === "trace" ? ["run head", pack.run] : ["contract, as it is hashed", pack.contract];
  return `${formatTable(rows)}\n\n${title}\n${JSON.stringify(config, null, 2)}`;
}

/** Who, when, from what; the claim of whoever signed, or of this machine. */
function describeProofs(
  { provenance, signatures, acceptedBy }: DescribedProofs,
  kind: "contract" | "trace",
): string[][] {
  const rows: string[][] = [];
  if (provenance !== undefined) {
    const { startedOn, finishedOn, source } = provenance;
    rows.push(["made", makerText(provenance, kind)]);
    const when = [startedOn, finishedOn].filter((time) => time !== undefined).join(" to ");
    if (when !== "") rows.push(["when", `${when}, as its maker says`]);
    if (source !== undefined) rows.push(["from", `${source.repository} at ${source.ref}`]);
    for (const line of originLines(provenance, kind)) {
      rows.push([line.startsWith(" ") ? "" : "from", line]);
    }
  }
  for (const { by, bundle } of signatures) rows.push(["signed", `with ${by} (${bundle})`]);
  for (const { at, policies } of acceptedBy) {
    rows.push(["accepted", `${at} by ${plural(policies.length, "policy", "policies")}`]);
  }
  if (signatures.length > 0 && acceptedBy.length === 0) {
    rows.push(["", "signatures are not checked here: ctxpack verify does that"]);
  }
  return rows;
}

type Provenance = NonNullable<DescribedProofs["provenance"]>;

function makerText({ builder, signed }: Provenance, kind: "contract" | "trace"): string {
  const said = BUILDERS.find(({ end }) => builder.endsWith(end))?.[kind];
  return `${said ?? `made by ${builder}`}; ${signed ? "signed" : "not signed, only recorded here"}`;
}

/** What went in, who made that, and what went into that: each generation further to the right. */
function originLines({ packs, reused }: Provenance, kind: "contract" | "trace"): string[] {
  const sources = [
    ...packs.map(({ name, ...pack }) => ({ ...pack, title: `${name}: ${pack.uri}` })),
    ...reused.map(({ items, ...pack }) => ({
      ...pack,
      title: `${plural(items, "item")} of ${pack.uri}`,
    })),
  ];
  return sources.flatMap(({ title, proofs }) => {
    const { provenance, signatures = [] } = proofs ?? {};
    const below = [
      ...(provenance ? [makerText(provenance, kind)] : []),
      ...signatures.map(({ by }) => `signed with ${by}`),
      ...(provenance ? originLines(provenance, kind) : []),
    ];
    return [title, ...below.map((line) => `  ${line}`)];
  });
}

/** What the ends of our builders' ids mean. */
const BUILDERS = [
  {
    end: "/builders/run/v1",
    contract: "ctxpack ran the command and saw the inputs before and after",
    trace: undefined,
  },
  {
    end: "/builders/seed/v1",
    contract: "somebody says so: the folder was given, not made by ctxpack",
    trace: "somebody says so: the log was given",
  },
] as const;

function recheckText({
  runs,
  different,
  lastAt,
  last,
}: NonNullable<PackDescription["rechecks"]>): string {
  const when = `${plural(runs, "time")}, last ${lastAt}`;
  if (different === 0) return `the same ${when}`;
  const paths = last?.paths.slice(0, 3).map(({ path }) => path) ?? [];
  const more = (last?.differences ?? 0) - paths.length;
  const files = [...paths, ...(more > 0 ? [`${more} more`] : [])].join(", ");
  return `NOT DETERMINISTIC: another output ${different} of ${when}: ${files}`;
}

function legacyText(pack: LegacyDescription): string {
  const rows = [
    ["uri", pack.uri],
    ["profile", "v0, the first prototype: read only"],
    ["where", pack.where],
    ["manifest", pack.manifest],
    ["layer", pack.layer],
    ["content", `${plural(pack.files, "file")}, ${formatBytes(pack.bytes.content)}`],
    ["packed", formatBytes(pack.bytes.packed)],
  ];
  const provenance = JSON.stringify(pack.provenance, null, 2);
  return (
    `${formatTable(rows)}\n\ncontract, as it is hashed\n${pack.hashed}` +
    `\n\nprovenance, as the prototype wrote it; nobody vouches for it\n${provenance}`
  );
}

function plainText(pack: PackDescription | LegacyDescription): string {
  return Object.entries(pack)
    .map(([key, value]) => `${key}\t${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join("\n");
}
