import type { CtxPack, PackBrief, PackRecord } from "@ctxpack/client";
import {
  type ListStoredOptions,
  listBriefs,
  listStored,
  type StoredPacks,
} from "@ctxpack/client/list";
import { type Command, defineCommand } from "../command.ts";
import { printEntries } from "../entries.ts";
import { CommandError } from "../exit.ts";
import { TELEMETRY_FLAGS } from "../flags.ts";
import { formatBytes, formatCount, formatTable } from "../format.ts";
import { harmless } from "../harmless.ts";
import type { Output } from "../output.ts";
import { printSizes, SIZE_ORDERS, type SizeOrder } from "../sizes.ts";

export const ls: Command = defineCommand({
  usage: "ls [<uri>] [--from PANTRY] [--size [--by name|version|shared]]",
  example: ["ctxpack ls", "ctxpack ls --size --by name", "ctxpack ls ctx://sha256:7c1e…"],
  about:
    "Lists the packs of the store, the last used first, or the files of one pack. With --size: what packs take,\n" +
    "compressed, and how much of that nothing else needs (OWN), the largest first; --by name adds up all packs of a\n" +
    "name, --by shared puts first what shares most with other packs.",
  takes: [0, 1],
  flags: {
    from: { type: "string", value: "PANTRY", about: "read the pack there" },
    size: { type: "boolean", about: "what packs take in the store" },
    by: { type: "string", value: "WHAT", about: "with --size: name, version or shared" },
    ...TELEMETRY_FLAGS,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    const by = orderOf(flags.by, flags.size === true);
    const subject = args[0];
    if (subject !== undefined && flags.size) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "--size is of the whole store",
        "leave out the pack, or --size",
      );
    }
    // What is measured is measured by the library.
    const isLight = by === undefined && subject === undefined && flags.metrics === undefined;
    if (isLight && (await printLight({ env: process.env, cwd, signal }, output))) return undefined;
    const ctx = await open();
    if (by !== undefined) await printSizes(ctx, by, output, signal);
    else if (subject === undefined) await printOpen(ctx, output, signal);
    else await printEntries(await ctx.entries(subject, { from: flags.from, signal }), output);
    return undefined;
  },
});

function orderOf(text: string | undefined, isSize: boolean): SizeOrder | undefined {
  if (text === undefined) return isSize ? "version" : undefined;
  const order = SIZE_ORDERS.find((one) => one === text);
  if (order !== undefined && isSize) return order;
  throw new CommandError(
    "CTXPACK_E_USAGE",
    isSize ? `--by is "${text}"` : "--by needs --size",
    `write ls --size --by ${SIZE_ORDERS.join("|")}`,
  );
}

/** Without the library; false where there is no store yet, or one of another version. */
async function printLight(options: ListStoredOptions, output: Output): Promise<boolean> {
  if (output.options.json) {
    const stored = await listStored(options);
    if (stored) printJson(stored, output);
    return stored !== undefined;
  }
  const stored = await listBriefs(options);
  if (stored) printText(stored, output);
  return stored !== undefined;
}

async function printOpen(ctx: CtxPack, output: Output, signal: AbortSignal): Promise<void> {
  const packs: PackRecord[] = [];
  for await (const record of ctx.list({ signal })) packs.push(record);
  const stored = { cacheDir: ctx.cacheDir, packs };
  if (output.options.json) printJson(stored, output);
  else printText(stored, output);
}

/** All that is known of the packs. */
function printJson(stored: StoredPacks, output: Output): void {
  output.result("", { packs: stored.packs.sort(byUse).map(packValue) });
  noteEmpty(stored, output);
}

/** What a list shows of them. */
function printText(stored: StoredPacks<PackBrief>, output: Output): void {
  const packs = stored.packs.sort(byUse);
  output.result(harmless(output.options.plain ? plainPacks(packs) : packTable(packs)), {});
  noteEmpty(stored, output);
}

function noteEmpty({ cacheDir, packs }: StoredPacks<PackBrief>, output: Output): void {
  if (packs.length === 0) output.note(`the store ${cacheDir} is empty`);
}

function packValue({ manifest, bytes, ...record }: PackRecord): object {
  return { ...record, manifest: manifest.digest, bytes: { content: bytes } };
}

function byUse(a: PackBrief, b: PackBrief): number {
  return compare(b.usedAt, a.usedAt) || compare(a.uri, b.uri);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function state({ kind, partial, pinned }: PackBrief): string {
  const words = [kind, partial ? "partial" : pinned ? "pinned" : undefined];
  return words.filter((word) => word !== undefined).join(", ");
}

function packTable(packs: readonly PackBrief[]): string {
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

function plainPacks(packs: readonly PackBrief[]): string {
  const row = (record: PackBrief) =>
    [record.uri, record.files, record.bytes, state(record), record.usedAt, record.name ?? ""].join(
      "\t",
    );
  return packs.map(row).join("\n");
}
