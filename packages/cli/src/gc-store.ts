import type { CollectReport } from "@ctxpack/client";
import { formatBytes, formatTable, plural } from "./format.ts";
import type { Output } from "./output.ts";

/** `gc` of the store: what can go, or went, as a table and in a few words. */
export function printCollected(store: string, report: CollectReport, output: Output): void {
  const rows = rowsOf(report);
  output.result(output.options.plain ? plain(rows) : table(rows), { store, ...report });
  tell(store, report, output);
}

interface Row {
  readonly what: string;
  readonly name: string;
  readonly bytes: number;
  readonly usedAt: string;
  readonly reason: string;
}

function rowsOf({ packs, trees, blobs, contents, leftovers }: CollectReport): Row[] {
  const groups = [
    { what: plural(blobs.count, "blob"), ...blobs, reason: "of no pack" },
    { what: plural(contents.count, "file"), ...contents, reason: "shared by no folder any more" },
    { what: plural(leftovers.count, "leftover"), ...leftovers, reason: "kept long enough" },
  ];
  return [
    ...packs.map(({ uri, name = "", bytes, usedAt, reason }) => ({
      what: uri,
      name,
      bytes,
      usedAt,
      reason,
    })),
    ...trees.map(({ tree, bytes, usedAt, reason }) => ({
      what: `folder ${tree.slice("sha256:".length, "sha256:".length + 12)}`,
      name: "",
      bytes,
      usedAt,
      reason,
    })),
    ...groups
      .filter(({ count }) => count > 0)
      .map(({ what, bytes, reason }) => ({ what, name: "", bytes, usedAt: "", reason })),
  ];
}

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const cells = rows.map(({ what, name, bytes, usedAt, reason }) => [
    what.startsWith("ctx://")
      ? what.slice("ctx://sha256:".length, "ctx://sha256:".length + 12)
      : what,
    formatBytes(bytes),
    usedAt.slice(0, 10),
    name,
    reason,
  ]);
  return formatTable([["WHAT", "SIZE", "USED", "NAME", "REASON"], ...cells]);
}

function plain(rows: readonly Row[]): string {
  return rows
    .map(({ what, name, bytes, usedAt, reason }) => [what, bytes, usedAt, name, reason].join("\t"))
    .join("\n");
}

function tell(store: string, report: CollectReport, output: Output): void {
  const { applied, size, sizeAfter, budget, unreadable, refused } = report;
  const freed = formatBytes(Math.max(0, size - sizeAfter));
  const takes = `${store} takes ${formatBytes(applied ? sizeAfter : size)} of ${formatBytes(budget)}`;
  if (applied) output.note(`${takes}; removed ${freed}`);
  else if (size === sizeAfter) {
    output.note(`${takes}; ${size > budget ? "nothing of it can go now" : "everything is needed"}`);
  } else output.note(`${takes}; ${freed} can go: see --apply`);
  if (sizeAfter > budget) {
    output.note(
      "what is pinned, in use, or was handed out in the last 7 days stays over the budget",
    );
  }
  if (refused.length > 0) {
    output.warning(
      `stays, for the disk refuses to remove it (another user's?): ${refused.join(", ")}`,
    );
  }
  if (unreadable.length === 0) return;
  output.warning(
    `no blob goes: nobody knows which belong to ${unreadable.join(", ")}; ctxpack fsck --repair, or rm`,
  );
}
