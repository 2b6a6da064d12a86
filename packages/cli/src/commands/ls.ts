import type { CtxPack, PackRecord } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { printEntries } from "../entries.ts";
import { formatBytes, formatCount, formatTable } from "../format.ts";
import type { Output } from "../output.ts";

export const ls: Command = defineCommand({
  usage: "ls [<uri>] [--from PANTRY]",
  example: ["ctxpack ls", "ctxpack ls ctx://sha256:7c1e…"],
  about: "Lists the packs of the store, the last used first, or the files of one pack.",
  takes: [0, 1],
  flags: { from: { type: "string", value: "PANTRY", about: "read the pack there" } },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const subject = args[0];
    if (subject === undefined) await listPacks(ctx, output, signal);
    else await printEntries(await ctx.entries(subject, { from: flags.from, signal }), output);
    return undefined;
  },
});

async function listPacks(ctx: CtxPack, output: Output, signal: AbortSignal): Promise<void> {
  const packs: PackRecord[] = [];
  for await (const record of ctx.list({ signal })) packs.push(record);
  packs.sort((a, b) => compare(b.usedAt, a.usedAt) || compare(a.uri, b.uri));
  output.result(output.options.plain ? plainPacks(packs) : packTable(packs), {
    packs: packs.map(({ manifest, bytes, ...record }) => ({
      ...record,
      manifest: manifest.digest,
      bytes: { content: bytes },
    })),
  });
  if (packs.length === 0) output.note(`the store ${ctx.cacheDir} is empty`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function state(record: PackRecord): string {
  return record.partial ? "partial" : record.pinned ? "pinned" : "";
}

function packTable(packs: readonly PackRecord[]): string {
  if (packs.length === 0) return "";
  const rows = packs.map((record) => [
    record.uri.slice("ctx://sha256:".length, "ctx://sha256:".length + 12),
    formatCount(record.files),
    formatBytes(record.bytes),
    state(record),
    record.usedAt.slice(0, 10),
    record.name ?? "",
  ]);
  return formatTable([["URI", "FILES", "SIZE", "STATE", "USED", "NAME"], ...rows]);
}

function plainPacks(packs: readonly PackRecord[]): string {
  const row = (record: PackRecord) =>
    [record.uri, record.files, record.bytes, state(record), record.usedAt, record.name ?? ""].join(
      "\t",
    );
  return packs.map(row).join("\n");
}
