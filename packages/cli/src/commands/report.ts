import { resolve } from "node:path";
import type { StoreReport } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { formatBytes, formatCount, formatSeconds, formatTable, plural } from "../format.ts";
import { harmless } from "../harmless.ts";
import { writeNewFile } from "../new-file.ts";

export const report: Command = defineCommand({
  usage: "report [<contract>…] [--html FILE] [--runs FILE]…",
  example: [
    "ctxpack report --html report.html",
    "ctxpack run --contract contract.yaml --json >> runs.ndjson; ctxpack report --runs runs.ndjson",
  ],
  about:
    "Says what is in the store: packs and what they were made from, disk and sharing, what was computed and why,\n" +
    "whose word there is for each pack, and what is not deterministic; with --html as a page that needs nothing\n" +
    "else. The contracts are those below this folder unless some are named. Hits are counted nowhere: with --runs\n" +
    "they are those of run --json and map --json whose lines you kept.",
  takes: [0, Infinity],
  flags: {
    html: { type: "string", value: "FILE", about: "write a page to look at, a new file" },
    runs: {
      type: "string",
      multiple: true,
      value: "FILE",
      about: "lines that run --json and map --json printed",
    },
    ...POLICY_FLAGS,
  },
  async run({ args, flags, output, cwd, open, signal, onProgress }) {
    const ctx = await open();
    const { html, runs } = flags;
    const found = await ctx.report({ contracts: args, runs, signal, onProgress });
    if (html === undefined) {
      output.result(harmless(output.options.plain ? plain(found) : summary(found)), { ...found });
      return undefined;
    }
    const { reportPage } = await import("@ctxpack/client/report");
    const path = resolve(cwd, html);
    await writeNewFile(path, reportPage(found), signal);
    output.result(path, { path });
    return undefined;
  },
});

function summary({ packs, disk, hits, misses, contracts }: StoreReport): string {
  const { runs, pulled } = hits;
  const differing = packs.filter(({ rechecks }) => (rechecks?.different ?? 0) > 0);
  const missing = contracts.filter(({ state }) => state !== "fresh" && state !== "remote");
  const rows = [
    ["packs", `${formatCount(packs.length)}, ${formatBytes(disk.content)} of files`],
    ["disk", `${formatBytes(disk.size)} of ${formatBytes(disk.budget)}`],
    ["sharing", `saves ${formatBytes(disk.apart - disk.stored)} of ${formatBytes(disk.apart)}`],
    ["computed here", `${plural(misses.length, "pack")}`],
    ["used again", plural(hits.usedAgain, "pack")],
    ["reused by maps", plural(hits.reusedItems, "item")],
    ["pulled", `${plural(pulled.packs, "pack")}, ${formatSeconds(pulled.ms / 1000)} saved`],
    [
      "hits",
      runs
        ? `${formatCount(runs.hits)}, ${formatSeconds(runs.savedMs / 1000)} saved`
        : "not known: see --runs",
    ],
    [
      "contracts",
      `${formatCount(contracts.length)}, ${formatCount(missing.length)} without a result`,
    ],
    ["not deterministic", plural(differing.length, "pack")],
  ];
  return formatTable(rows);
}

function plain({ packs }: StoreReport): string {
  return packs
    .map(({ uri, from, took, bytes, trust, name = "" }) =>
      [uri, from, took?.ms ?? "", bytes.content, bytes.stored, bytes.own, trust, name].join("\t"),
    )
    .join("\n");
}
