import type { CtxUri, Digest } from "@ctxpack/identity";
import type { Parts } from "../parts.ts";
import { defaultBudget } from "./budget.ts";
import { sizeOf, takeCensus } from "./census.ts";
import { GRACE, type Grace, makePlan, type Plan } from "./plan.ts";
import { remove } from "./remove.ts";

/** What is collected. */
export interface CollectOptions {
  /** Remove what can go; otherwise it is only said. */
  readonly apply?: boolean | undefined;
  /** Packs that were not used for so long go whatever the budget is, in ms. */
  readonly olderThanMs?: number | undefined;
  /** What the store may take, in bytes; the store's budget unless said. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is spared, for tests that cannot wait a week. */
  readonly grace?: Partial<Grace> | undefined;
}

/** Things of one kind that go. */
export interface CollectedGroup {
  readonly count: number;
  /** In bytes. */
  readonly bytes: number;
}

/** A pack that goes. */
export interface CollectedPack {
  readonly uri: CtxUri;
  readonly name?: string;
  /** What its removal frees, in bytes. */
  readonly bytes: number;
  /** ISO 8601, UTC. */
  readonly usedAt: string;
  readonly reason: string;
}

/** A folder that goes. */
export interface CollectedTree {
  readonly tree: Digest;
  readonly bytes: number;
  /** ISO 8601, UTC: when it was handed out last. */
  readonly usedAt: string;
  readonly reason: string;
}

/** What can go, or went. */
export interface CollectReport {
  readonly applied: boolean;
  /** What the store may take, in bytes. */
  readonly budget: number;
  /** What it took before, and what it takes now, or would: in bytes. */
  readonly size: number;
  readonly sizeAfter: number;
  readonly packs: readonly CollectedPack[];
  readonly trees: readonly CollectedTree[];
  /** Blobs of packs that go, and of none. */
  readonly blobs: CollectedGroup;
  /** Contents that no folder shares any more. */
  readonly contents: CollectedGroup;
  /** What was put aside because it was damaged, and beginnings of blobs, a week old. */
  readonly leftovers: CollectedGroup;
  /** Packs whose manifest cannot be read: as long as there are any, no blob goes. */
  readonly unreadable: readonly CtxUri[];
}

/** `Store.collect`. */
export async function collect(
  parts: Parts,
  budget: number | undefined,
  options: CollectOptions,
): Promise<CollectReport> {
  const { signal } = options;
  signal?.throwIfAborted();
  const nowMs = Date.now();
  const rules = {
    nowMs,
    budget: options.maxBytes ?? budget ?? defaultBudget(parts.places.dir),
    unusedSinceMs: options.olderThanMs === undefined ? undefined : nowMs - options.olderThanMs,
    busySinceMs: parts.workspace.busySince(),
    grace: { ...GRACE, ...options.grace },
  };
  const plan = makePlan(await takeCensus(parts, signal), rules);
  if (!options.apply) return reportOf(plan, rules.budget, undefined);
  parts.workspace.expectWritable();
  parts.workspace.reap();
  await remove(parts, plan, options);
  // What contents free is known only when the folders that shared them are gone.
  const census = await takeCensus(parts, signal);
  const rest = makePlan(census, {
    ...rules,
    budget: Number.POSITIVE_INFINITY,
    unusedSinceMs: undefined,
  });
  await remove(parts, { ...rest, packs: [], trees: [], blobs: [], leftovers: [] }, options);
  const sizeAfter = sizeOf(census) - sum(rest.contents);
  return reportOf(
    { ...plan, contents: [...plan.contents, ...rest.contents] },
    rules.budget,
    sizeAfter,
  );
}

function reportOf(plan: Plan, budget: number, sizeAfter: number | undefined): CollectReport {
  return {
    applied: sizeAfter !== undefined,
    budget,
    size: plan.size,
    sizeAfter: sizeAfter ?? plan.sizeAfter,
    packs: plan.packs.map(({ pack: { record }, bytes, reason }) => ({
      uri: record.uri,
      ...(record.name !== undefined && { name: record.name }),
      bytes,
      usedAt: record.usedAt,
      reason,
    })),
    trees: plan.trees.map(({ tree: { tree, bytes, usedMs }, reason }) => ({
      tree,
      bytes,
      usedAt: new Date(usedMs).toISOString(),
      reason,
    })),
    blobs: groupOf(plan.blobs),
    contents: groupOf(plan.contents),
    leftovers: groupOf(plan.leftovers),
    unreadable: plan.unreadable,
  };
}

function groupOf(things: readonly { readonly bytes: number }[]): CollectedGroup {
  return { count: things.length, bytes: sum(things) };
}

function sum(things: readonly { readonly bytes: number }[]): number {
  return things.reduce((total, { bytes }) => total + bytes, 0);
}
