import { compareBytewise } from "@ctxpack/identity";
import type { LossDraft } from "./draft.ts";
import type { RunLoss } from "./head.ts";

/** Distinct places; what comes after them is counted together. */
const MAX_PATHS = 1024;
const MAX_PATH_LENGTH = 256;
const MAX_LINES = 16;

/** Counts what a run does not hold of its source, in bounded memory. */
export class LossLedger {
  readonly #entries = new Map<string, RunLoss & { count: number; lines: number[] }>();

  add(loss: LossDraft): void {
    const path = loss.path.toWellFormed();
    const short = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path;
    const known = this.#entries.has(`${loss.reason} ${short}`);
    // `$..*`: members anywhere.
    const counted = known || this.#entries.size < MAX_PATHS ? short.toWellFormed() : "$..*";
    const key = `${loss.reason} ${counted}`;
    const entry = this.#entries.get(key) ?? {
      path: counted,
      reason: loss.reason,
      count: 0,
      lines: [],
    };
    entry.count += loss.count ?? 1;
    if (
      loss.line !== undefined &&
      entry.lines.length < MAX_LINES &&
      entry.lines.at(-1) !== loss.line
    ) {
      entry.lines.push(loss.line);
    }
    this.#entries.set(key, entry);
  }

  list(): RunLoss[] {
    return [...this.#entries.values()]
      .sort((a, b) => compareBytewise(a.path, b.path) || compareBytewise(a.reason, b.reason))
      .map(({ lines, ...loss }) => (lines.length === 0 ? loss : { ...loss, lines }));
  }
}
