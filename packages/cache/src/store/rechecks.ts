import { type CtxUri, type Digest, isDigest } from "@ctxpack/identity";
import { readBeside, writeBeside } from "./beside.ts";
import type { Parts } from "./parts.ts";

const SCHEMA = "ctxpack.rechecks/v1";

/** One path in which another output of a contract differs from the stored one. */
export interface RecheckedPath {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** The first byte that differs, counted from 0, where both contents were read. */
  readonly byte?: number;
  /** JSON pointer of the first value that differs, in a JSON file. */
  readonly pointer?: string;
}

/** What became of computing a pack again: kept beside the pack, on this machine only. */
export interface Rechecks {
  readonly uri: CtxUri;
  /** Of the output that it was compared with. */
  readonly tree: Digest;
  /** How often it was computed again. */
  readonly runs: number;
  /** How often another output came of it. */
  readonly different: number;
  /** When that was last; ISO 8601, UTC. */
  readonly lastAt: string;
  /** The last other output: how many paths differ, and the first of them. */
  readonly last?: { readonly differences: number; readonly paths: readonly RecheckedPath[] };
}

/** `Store.noteRechecks`: `undefined` when the pack is gone, or is another output by now. */
export async function noteRechecks(
  parts: Parts,
  found: Rechecks,
  signal: AbortSignal | undefined,
): Promise<Rechecks | undefined> {
  parts.workspace.expectWritable();
  // Under the lock: two that compute it at once both count.
  return await parts.database.exclusive(() => {
    if (parts.records.get(found.uri)?.tree !== found.tree) return undefined;
    const before = readRechecks(parts, found.uri);
    const last = found.last ?? before?.last;
    const { uri, tree, lastAt } = found;
    const all = {
      uri,
      tree,
      runs: found.runs + (before?.runs ?? 0),
      different: found.different + (before?.different ?? 0),
      lastAt,
      ...(last !== undefined && { last }),
    };
    write(parts, all);
    return all;
  }, signal);
}

/** `Store.rechecks`: `undefined` also for those of another output than the pack's, and for damaged ones. */
export function readRechecks(parts: Parts, uri: CtxUri): Rechecks | undefined {
  return readBeside(parts, parts.places.rechecks(uri), uri, parse);
}

function write(parts: Parts, all: Rechecks): void {
  const text = `${JSON.stringify({ schema: SCHEMA, ...all })}\n`;
  writeBeside(parts, parts.places.rechecks(all.uri), Buffer.from(text));
}

function parse(file: Buffer): Rechecks | undefined {
  const { schema, ...all } = JSON.parse(file.toString());
  const isRight =
    schema === SCHEMA &&
    isDigest(all.tree) &&
    Number.isSafeInteger(all.runs) &&
    Number.isSafeInteger(all.different) &&
    typeof all.lastAt === "string" &&
    (all.last === undefined || Array.isArray(all.last.paths));
  return isRight ? all : undefined;
}
