import { type BigIntStats, realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { errnoOf, readError, show, treeError } from "./fault.ts";
import { join } from "./table.ts";
import type { WalkContext } from "./walk.ts";

/** What a link leads to. */
export interface Followed {
  /** The absolute path without links. */
  readonly real: string;
  readonly stats: BigIntStats;
}

/**
 * Follows the link `spelled` (relative to the root). `wanted` says as what it would count; a link
 * that leads to neither is `undefined`, also when it dangles: nothing that is not looked at is an error.
 */
export function follow(
  context: WalkContext,
  spelled: string,
  path: string,
  wanted: { readonly file: boolean; readonly enter: boolean },
): Followed | undefined {
  const shown = join(context.named, path);
  const target = resolveLink(join(context.root, spelled), shown, wanted.file);
  if (target === undefined) return undefined;
  const folder = target.stats.isDirectory();
  if (!(folder ? wanted.enter : wanted.file)) return undefined;
  if (!isInside(context.root, target.real)) {
    throw treeError(
      shown,
      `the link ${show(shown)} leaves the folder: it leads to ${show(target.real)}`,
      {
        hint: "put a copy in its place, or exclude it",
        details: { target: target.real },
      },
    );
  }
  return folder || target.stats.isFile() ? target : undefined;
}

function resolveLink(link: string, shown: string, wanted: boolean): Followed | undefined {
  try {
    return { real: realpathSync.native(link), stats: statSync(link, { bigint: true }) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR" && errno !== "ELOOP") {
      throw readError(shown, error);
    }
    if (!wanted) return undefined;
    const what = errno === "ELOOP" ? "closes a cycle" : "leads to nothing";
    throw treeError(shown, `the link ${show(shown)} ${what}`, {
      hint: "remove the link, or exclude it",
      cause: error,
    });
  }
}

function isInside(root: string, real: string): boolean {
  return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep);
}
