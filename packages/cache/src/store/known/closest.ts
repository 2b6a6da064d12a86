import type { CtxUri } from "@ctxpack/identity";
import type { Sought } from "./contracts.ts";
import { fingerprint, labelNumbers } from "./row.ts";
import type { KnownTable } from "./table.ts";

/** So many are kept: whoever is first may turn out to be damaged. */
const KEPT = 8;

/** A contract, and how near it is. */
export interface Candidate {
  readonly uri: CtxUri;
  /** It has the name, or an output, of the one that is sought. */
  readonly related: boolean;
  /** Members in which the two differ. */
  readonly differing: number;
  /** Unix time in ms. */
  readonly madeMs: number;
}

/**
 * The contracts in rows of a table that are nearest to one, best first: those of its name or with one of its outputs,
 * then those that differ in fewest members, then the newest. One that has nothing in common with it is not near, nor
 * is it itself.
 */
export function closest(table: KnownTable, rows: readonly number[], sought: Sought): Candidate[] {
  const measure = new Measure(table.words, sought);
  const best: Candidate[] = [];
  for (const at of rows) {
    const { related, differing } = measure.of(table, at);
    if (differing < 0) continue;
    const last = best.at(-1);
    const madeMs = table.madeMs(at);
    const isLate = best.length === KEPT && last && order({ related, differing, madeMs }, last) > 0;
    if (isLate) continue;
    const uri = table.uri(at);
    if (uri === sought.uri) continue;
    best.push({ uri, related, differing, madeMs });
    best.sort((a, b) => order(a, b) || (a.uri < b.uri ? -1 : 1));
    best.length = Math.min(best.length, KEPT);
  }
  return best;
}

/** Places in which a key may leave a mark: most keys of others find none, and are not looked up. */
const MARKS = 2 ** 16;

/** Compares the members of one contract with those of others. Ten thousand are compared at once: it makes nothing new. */
class Measure {
  related = false;
  /** Members in which the two differ; -1 when they have nothing in common. */
  differing = -1;
  readonly #words: Uint32Array;
  readonly #values = new Map<number, number>();
  readonly #marks = new Uint8Array(MARKS);
  readonly #labels: ReadonlySet<number>;
  readonly #count: number;

  constructor(words: Uint32Array, { contract, labels }: Sought) {
    this.#words = words;
    const own = fingerprint(contract);
    for (let i = 0; i < own.length; i += 2) {
      const key = own[i] ?? 0;
      this.#values.set(key, own[i + 1] ?? 0);
      this.#marks[key % MARKS] = 1;
    }
    this.#labels = new Set(labelNumbers(labels).filter((label) => label !== 0));
    this.#count = own.length / 2;
  }

  of(table: KnownTable, at: number): this {
    const words = this.#words;
    const members = table.membersAt(at);
    const end = table.endOf(at);
    this.related = false;
    if (this.#labels.size > 0) {
      for (let i = table.labelsAt(at); i < members; i++) {
        if (this.#labels.has(words[i] ?? 0)) this.related = true;
      }
    }
    let common = 0;
    let same = 0;
    for (let i = members; i < end; i += 2) {
      const key = words[i] ?? 0;
      if (this.#marks[key % MARKS] === 0) continue;
      const value = this.#values.get(key);
      if (value === undefined) continue;
      common += 1;
      if (value === words[i + 1]) same += 1;
    }
    const all = this.#count + (end - members) / 2;
    this.differing = same === 0 && !this.related ? -1 : all - common - same;
    return this;
  }
}

function order(a: Omit<Candidate, "uri">, b: Omit<Candidate, "uri">): number {
  return Number(b.related) - Number(a.related) || a.differing - b.differing || b.madeMs - a.madeMs;
}
