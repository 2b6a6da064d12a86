import type { CtxPack, StoredSize } from "@ctxpack/client";
import { formatBytes, formatTable } from "./format.ts";
import type { Output } from "./output.ts";

/** What `ls --size` puts together, and in which order. */
export const SIZE_ORDERS = ["name", "version", "shared"] as const;
export type SizeOrder = (typeof SIZE_ORDERS)[number];

/** `ls --size`: what packs take in the store. */
export async function printSizes(
  ctx: CtxPack,
  order: SizeOrder,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const isByName = order === "name";
  const sizes = await ctx.sizes({ ...(isByName && { by: ({ name = "" }) => name }), signal });
  const weight = ({ stored, own }: StoredSize): number =>
    order === "shared" ? stored - own : stored;
  const rows = sizes.toSorted((a, b) => weight(b) - weight(a) || (a.key < b.key ? -1 : 1));
  output.result(output.options.plain ? plain(rows) : table(rows, isByName), {
    sizes: rows.map(({ key, packs, stored, own }) => ({
      key,
      packs: packs.map(({ uri }) => uri),
      content: contentOf(packs),
      stored,
      own,
    })),
  });
  if (rows.length === 0) output.note(`the store ${ctx.cacheDir} is empty`);
}

function contentOf(packs: StoredSize["packs"]): number {
  return packs.reduce((sum, { bytes }) => sum + bytes, 0);
}

function table(rows: readonly StoredSize[], isByName: boolean): string {
  if (rows.length === 0) return "";
  const sizes = ({ packs, stored, own }: StoredSize): string[] => [
    formatBytes(contentOf(packs)),
    formatBytes(stored),
    formatBytes(own),
  ];
  if (isByName) {
    const cells = rows.map((row) => [String(row.packs.length), ...sizes(row), row.key || "-"]);
    return formatTable([["PACKS", "CONTENT", "STORED", "OWN", "NAME"], ...cells]);
  }
  const cells = rows.map((row) => [
    row.key.slice("ctx://sha256:".length, "ctx://sha256:".length + 12),
    ...sizes(row),
    row.packs[0]?.usedAt.slice(0, 10) ?? "",
    row.packs[0]?.name ?? "",
  ]);
  return formatTable([["URI", "CONTENT", "STORED", "OWN", "USED", "NAME"], ...cells]);
}

function plain(rows: readonly StoredSize[]): string {
  return rows
    .map(({ key, packs, stored, own }) =>
      [key, packs.length, contentOf(packs), stored, own].join("\t"),
    )
    .join("\n");
}
