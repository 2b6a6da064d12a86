import { lstatSync } from "node:fs";
import type { CtxUri } from "@ctxpack/identity";
import { unlessMissing } from "./disk.ts";
import { openPack } from "./held.ts";
import { lease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { noPack } from "./records.ts";
import { clearStale } from "./staging.ts";
import { countEntries, findDamage } from "./verify.ts";

/** What is compared. */
export interface PlacedOptions {
  /** Only this entry, or what lies below it. Path as in the index. */
  readonly part?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Selects an entry and what lies below it. */
export function inPart(part: string): (path: string) => boolean {
  const below = `${part}/`;
  return (path) => path === part || path.startsWith(below);
}

/** `Store.isPlaced`. */
export async function isPlaced(
  parts: Parts,
  uri: CtxUri,
  path: string,
  options: PlacedOptions,
): Promise<boolean> {
  options.signal?.throwIfAborted();
  const stat = unlessMissing(() => lstatSync(path));
  if (stat === undefined) return false;
  using _lease = lease(parts, uri);
  const record = parts.records.get(uri);
  if (record === undefined || record.partial) throw noPack(uri, parts.places.dir);
  const { index } = openPack(parts, record);
  const { part, signal } = options;
  const only = part === undefined ? () => true : inPart(part);
  let count = 0;
  let isEntry = false;
  for (const entry of index.entries()) {
    if (!only(entry.path)) continue;
    count += 1;
    isEntry ||= entry.path === part;
  }
  // Of a part that is no entry itself, and of a whole pack, it is a folder.
  if (!isEntry && !stat.isDirectory()) return false;
  if (part !== undefined && count === 0) return false;
  const expected = isEntry ? 0 : count;
  const found = (): number => unlessMissing(() => countEntries(path)) ?? -1;
  if (stat.isDirectory() && found() !== expected) return false;
  if ((await findDamage(path, index, { part, only, signal })) !== undefined) return false;
  // Nobody else comes by who would.
  clearStale(path);
  return true;
}
