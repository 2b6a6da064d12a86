import type { CtxUri } from "@ctxpack/identity";
import type { Sought } from "./contracts.ts";
import { fingerprint, labelNumbers, toolNumbers } from "./row.ts";
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
 * then those that differ in fewest members, then the newest; at most eight of either kind. One that has nothing in
 * common with it is not near, nor is it itself.
 */
export function* closest(
  table: KnownTable,
  rows: Uint32Array,
  sought: Sought,
): Generator<Candidate, void, void> {
  const labels = labelNumbers(sought.labels).filter((label) => label !== 0);
  const isRelated = (at: number): boolean => sharesLabel(table, at, labels);
  const measure = new Measure(table.words, sought);
  // Mostly the others need not be looked at.
  const related = labels.length === 0 ? new Uint32Array() : rows.filter(isRelated);
  yield* best(table, related, { sought, measure, related: true });
  const others = related.length === 0 ? rows : rows.filter((at) => !isRelated(at));
  yield* best(table, others, { sought, measure, related: false });
}

function sharesLabel(table: KnownTable, at: number, labels: Uint32Array): boolean {
  const end = table.membersAt(at);
  for (let i = table.labelsAt(at); i < end; i++) {
    if (labels.includes(table.words[i] ?? 0)) return true;
  }
  return false;
}

function best(
  table: KnownTable,
  rows: Uint32Array,
  o: { readonly sought: Sought; readonly measure: Measure; readonly related: boolean },
): Candidate[] {
  const { sought, measure, related } = o;
  const found: Candidate[] = [];
  for (const at of rows) {
    const { differing, same, isToolShared } = measure.of(table, at);
    if (!related && (same === 0 || (sought.onlyAlike && !isToolShared))) continue;
    const last = found.length === KEPT ? found.at(-1) : undefined;
    const madeMs = table.madeMs(at);
    if (last !== undefined && order({ differing, madeMs }, last) > 0) continue;
    const uri = table.uri(at);
    if (uri === sought.uri) continue;
    found.push({ uri, related, differing, madeMs });
    found.sort((a, b) => order(a, b) || (a.uri < b.uri ? -1 : 1));
    found.length = Math.min(found.length, KEPT);
  }
  return found;
}

/** Places in which a key may leave a mark: most keys of others find none, and are not looked up. */
const MARKS = 2 ** 16;

/** Compares the members of one contract with those of others. Ten thousand are compared at once: it makes nothing new. */
class Measure {
  /** Members that both have with one value. */
  same = 0;
  /** Members in which the two differ. */
  differing = 0;
  /** One of `same` names a tool. */
  isToolShared = false;
  readonly #tools: ReadonlyMap<number, number>;
  readonly #words: Uint32Array;
  readonly #values = new Map<number, number>();
  readonly #marks = new Uint8Array(MARKS);
  readonly #count: number;

  constructor(words: Uint32Array, { contract }: Sought) {
    this.#words = words;
    this.#tools = toolNumbers(contract);
    const own = fingerprint(contract);
    for (let i = 0; i < own.length; i += 2) {
      const key = own[i] ?? 0;
      this.#values.set(key, own[i + 1] ?? 0);
      this.#marks[key % MARKS] = 1;
    }
    this.#count = own.length / 2;
  }

  of(table: KnownTable, at: number): this {
    const words = this.#words;
    const members = table.membersAt(at);
    const end = table.endOf(at);
    let common = 0;
    let same = 0;
    this.isToolShared = false;
    for (let i = members; i < end; i += 2) {
      const key = words[i] ?? 0;
      if (this.#marks[key % MARKS] === 0) continue;
      const value = this.#values.get(key);
      if (value === undefined) continue;
      common += 1;
      if (value !== words[i + 1]) continue;
      same += 1;
      if (this.#tools.has(key)) this.isToolShared = true;
    }
    this.same = same;
    this.differing = this.#count + (end - members) / 2 - common - same;
    return this;
  }
}

function order(
  a: Pick<Candidate, "differing" | "madeMs">,
  b: Pick<Candidate, "differing" | "madeMs">,
): number {
  return a.differing - b.differing || b.madeMs - a.madeMs;
}
