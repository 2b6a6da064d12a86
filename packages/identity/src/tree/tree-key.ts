import { createHash } from "node:crypto";
import type { TreeTimes } from "./digests.ts";
import { type FileTable, stateBytes } from "./table.ts";

/** Paths that are joined at once. */
const STEP_PATHS = 1024;
const STEP_BYTES = 4 * 1024 * 1024;

const SECOND_NS = 1_000_000_000n;

/** A SHA-256 of the root and of every file's path and state: another one as soon as anything differs. */
export function* treeKey(table: FileTable): Generator<undefined, Uint8Array, void> {
  const digest = createHash("sha256");
  digest.update(`${table.root}\n`);
  for (let row = 0; row < table.count; row += STEP_PATHS) {
    // No path holds a newline.
    digest.update(`${table.paths.slice(row, row + STEP_PATHS).join("\n")}\n`);
    yield;
  }
  for (const [row, spelled] of table.spelled) digest.update(`\0${row}\n${spelled}\n`);
  const states = stateBytes(table);
  for (let at = 0; at < states.length; at += STEP_BYTES) {
    digest.update(states.subarray(at, at + STEP_BYTES));
    yield;
  }
  return digest.digest();
}

/** What the times of all files say together. */
export function* treeTimes(table: FileTable): Generator<undefined, TreeTimes, void> {
  let newestNs = 0n;
  let coarse = false;
  for (let row = 0; row < table.count; row++) {
    const { mtimeNs, ctimeNs } = table.state(row);
    if (mtimeNs > newestNs) newestNs = mtimeNs;
    if (ctimeNs > newestNs) newestNs = ctimeNs;
    coarse ||= ctimeNs % SECOND_NS === 0n;
    if (row % STEP_PATHS === 0) yield;
  }
  return { newestNs, coarse };
}
