import { type CtxUri, compareBytewise } from "@ctxpack/identity";
import type { RunHead } from "../run/head.ts";
import { compareTimes } from "../run/time.ts";

/** A run as a log lists it. */
export interface LoggedRun {
  readonly uri: CtxUri;
  readonly head: RunHead;
}

/** A run among its kin. */
export interface LineageNode {
  readonly uri: CtxUri;
  readonly head: RunHead;
  /** As its head has them, whether or not they are in the list. */
  readonly parents: readonly CtxUri[];
  /** Runs of the list that were forked from it, in the list's order. */
  readonly children: readonly CtxUri[];
  /** Parents that are not in the list. */
  readonly missing: readonly CtxUri[];
}

/**
 * The lineage of some runs: each once, forks before what they are forks of; among those free to come next the run that
 * ended last first, runs without times after all others, ties by URI. The order of `runs` does not matter.
 */
export function lineage(runs: Iterable<LoggedRun>): LineageNode[] {
  const known = new Map<CtxUri, LoggedRun>();
  for (const run of runs) known.set(run.uri, run);
  const children = new Map<CtxUri, CtxUri[]>();
  /** Forks of a run that were not listed yet. */
  const waiting = new Map<CtxUri, number>();
  for (const { uri, head } of known.values()) {
    for (const parent of parentsOf(uri, head)) {
      if (!known.has(parent)) continue;
      children.set(parent, [...(children.get(parent) ?? []), uri]);
      waiting.set(parent, (waiting.get(parent) ?? 0) + 1);
    }
  }
  const order: LoggedRun[] = [];
  const free = new LatestFirst();
  for (const run of known.values()) if (!waiting.has(run.uri)) free.add(run);
  for (let run = free.take(); run !== undefined; run = free.take()) {
    order.push(run);
    for (const parent of parentsOf(run.uri, run.head)) {
      const left = (waiting.get(parent) ?? 0) - 1;
      waiting.set(parent, left);
      const next = known.get(parent);
      if (left === 0 && next !== undefined) free.add(next);
    }
  }
  // A URI is a digest of the parents too, so nothing descends from itself; a list made up by hand may say so.
  const listed = new Set(order.map(({ uri }) => uri));
  order.push(...[...known.values()].filter(({ uri }) => !listed.has(uri)).sort(latestFirst));
  const places = new Map(order.map(({ uri }, place) => [uri, place]));
  const byPlace = (a: CtxUri, b: CtxUri) => (places.get(a) ?? 0) - (places.get(b) ?? 0);
  return order.map(({ uri, head }) => {
    const parents = parentsOf(uri, head);
    return {
      uri,
      head,
      parents,
      children: (children.get(uri) ?? []).sort(byPlace),
      missing: parents.filter((parent) => !known.has(parent)),
    };
  });
}

/** Each parent once. */
function parentsOf(uri: CtxUri, { parents = [] }: RunHead): CtxUri[] {
  return [...new Set(parents.map((parent) => parent.uri))].filter((parent) => parent !== uri);
}

/** When a run ended, as far as its steps tell. */
export function runTime({ totals }: RunHead): string | undefined {
  return totals.endedAt ?? totals.startedAt;
}

function latestFirst(a: LoggedRun, b: LoggedRun): number {
  const [left, right] = [runTime(a.head), runTime(b.head)];
  if (left !== undefined && right !== undefined) {
    return compareTimes(right, left) || compareBytewise(a.uri, b.uri);
  }
  if (left === right) return compareBytewise(a.uri, b.uri);
  return left === undefined ? 1 : -1;
}

/** A heap: of ten thousand runs that are free at once, the next is found without looking at all of them. */
class LatestFirst {
  readonly #heap: LoggedRun[] = [];

  add(run: LoggedRun): void {
    const heap = this.#heap;
    let at = heap.push(run) - 1;
    while (at > 0) {
      const up = (at - 1) >>> 1;
      if (!this.#swapped(up, at)) return;
      at = up;
    }
  }

  take(): LoggedRun | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const isRight = right < heap.length && this.#before(right, left);
      const down = isRight ? right : left;
      if (down >= heap.length || !this.#swapped(at, down)) return first;
      at = down;
    }
  }

  #before(one: number, other: number): boolean {
    return latestFirst(this.#heap[one] as LoggedRun, this.#heap[other] as LoggedRun) < 0;
  }

  /** Puts the earlier of two on top. */
  #swapped(up: number, down: number): boolean {
    if (!this.#before(down, up)) return false;
    const heap = this.#heap;
    [heap[up], heap[down]] = [heap[down] as LoggedRun, heap[up] as LoggedRun];
    return true;
  }
}
