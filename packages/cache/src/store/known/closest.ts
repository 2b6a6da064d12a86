import type { CtxUri } from "@ctxpack/identity";
import type { Reconciled, Sought } from "./contracts.ts";
import { fingerprint, type KnownRow, labelNumbers } from "./row.ts";

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
 * The contracts that are nearest to one, best first: those of its name or with one of its outputs, then those that
 * differ in fewest members, then the newest. One that has nothing in common with it is not near, nor is it itself.
 */
export function closest({ table, rows, learnt }: Reconciled, sought: Sought): Candidate[] {
  const measure = measureFor(sought);
  const best: Candidate[] = [];
  const take = (uri: () => CtxUri, row: Omit<KnownRow, "uri" | "labels">, labels: Uint32Array) => {
    const measured = measure(labels, row.members);
    if (measured === undefined) return;
    const last = best.at(-1);
    const isLate = best.length === KEPT && last !== undefined;
    if (isLate && order({ ...measured, madeMs: row.madeMs }, last) > 0) return;
    const candidate = { ...measured, madeMs: row.madeMs, uri: uri() };
    if (candidate.uri === sought.uri) return;
    best.push(candidate);
    best.sort(compare);
    best.length = Math.min(best.length, KEPT);
  };
  for (const at of rows) {
    const row = { members: table.members(at), madeMs: table.madeMs(at) };
    take(() => table.uri(at), row, table.labels(at));
  }
  for (const row of learnt) take(() => row.uri, row, labelNumbers(row.labels));
  return best;
}

/** Compares one contract's numbers with those of others; `undefined` for one that has nothing in common with it. */
function measureFor(
  sought: Sought,
): (
  labels: Uint32Array,
  members: Uint32Array,
) => Pick<Candidate, "related" | "differing"> | undefined {
  const own = fingerprint(sought.contract);
  const values = new Map<number, number>();
  for (let i = 0; i < own.length; i += 2) values.set(own[i] ?? 0, own[i + 1] ?? 0);
  const ownLabels = new Set(labelNumbers(sought.labels));
  ownLabels.delete(0);
  return (labels, members) => {
    let common = 0;
    let same = 0;
    for (let i = 0; i < members.length; i += 2) {
      const value = values.get(members[i] ?? 0);
      if (value === undefined) continue;
      common += 1;
      if (value === members[i + 1]) same += 1;
    }
    const related = ownLabels.size > 0 && labels.some((label) => ownLabels.has(label));
    if (same === 0 && !related) return undefined;
    return { related, differing: (own.length + members.length) / 2 - common - same };
  };
}

function compare(a: Candidate, b: Candidate): number {
  return order(a, b) || (a.uri < b.uri ? -1 : 1);
}

function order(a: Omit<Candidate, "uri">, b: Omit<Candidate, "uri">): number {
  return Number(b.related) - Number(a.related) || a.differing - b.differing || b.madeMs - a.madeMs;
}
