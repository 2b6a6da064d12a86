import { readFileSync, writeFileSync } from "node:fs";
import { CtxPackError } from "@ctxpack/identity";
import { isOfDisk } from "../disk.ts";
import type { Parts } from "../parts.ts";
import { rename } from "../rename.ts";
import { defaultBudget } from "./budget.ts";
import { collect } from "./collect.ts";

/** The whole store is counted when so much of its budget was written since, at least so many bytes, or in a day. */
const PART = 1 / 50;
const LEAST = 64 * 2 ** 20;
const DAY_MS = 86_400_000;

/** When the store was counted last, and what was written since: a note that may be lost. */
interface Tally {
  /** Unix time in ms. */
  readonly countedMs: number;
  readonly written: number;
}

/**
 * Keeps a store within its budget: called when something was put into it. Mostly it only adds `written` (bytes) to
 * what was; a failure to collect is nobody's failure.
 */
export async function keepBudget(
  parts: Parts,
  written: number,
  options: { readonly budget: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (options.budget === Number.POSITIVE_INFINITY || written === 0) return;
  const nowMs = Date.now();
  try {
    const budget = options.budget ?? defaultBudget(parts.places.dir);
    const last = readTally(parts) ?? { countedMs: nowMs, written: 0 };
    const tally = { ...last, written: last.written + written };
    const isDue =
      tally.written > Math.max(LEAST, budget * PART) || nowMs - tally.countedMs > DAY_MS;
    writeTally(parts, isDue ? { countedMs: nowMs, written: 0 } : tally);
    if (isDue) await collect(parts, budget, { apply: true, signal: options.signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    const isOurs = CtxPackError.isInstance(error) || (error instanceof Error && "code" in error);
    if (!isOurs) throw error;
  }
}

function readTally(parts: Parts): Tally | undefined {
  try {
    const { countedMs, written } = JSON.parse(readFileSync(parts.places.tally, "utf8"));
    const isTally = Number.isFinite(countedMs) && Number.isFinite(written);
    return isTally ? { countedMs, written } : undefined;
  } catch {
    return undefined;
  }
}

/** A disk that has no room even for this is the last one not to collect on. */
function writeTally(parts: Parts, tally: Tally): void {
  try {
    const temporary = parts.workspace.path();
    writeFileSync(temporary, JSON.stringify(tally));
    rename(temporary, parts.places.tally);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
  }
}
