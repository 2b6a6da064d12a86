import { existsSync } from "node:fs";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { Parts } from "../parts.ts";
import type { Places } from "../places.ts";
import { defaultBudget } from "./budget.ts";
import { type Census, databaseSize, sizeOf, takeCensus } from "./census.ts";
import { countHolders } from "./holders.ts";
import { GRACE, type Grace, makePlan, type Plan } from "./plan.ts";
import { remove } from "./remove.ts";

/** What folders share is an estimate until they are gone: each round knows more. */
const MOST_ROUNDS = 8;

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
  /** Blobs of no pack; those of packs that go are counted with them. */
  readonly blobs: CollectedGroup;
  /** Contents that no folder shares any more. */
  readonly contents: CollectedGroup;
  /** What was put aside because it was damaged, and beginnings of blobs, a week old. */
  readonly leftovers: CollectedGroup;
  /** Packs whose record or manifest cannot be read: as long as there are any, no blob goes. */
  readonly unreadable: readonly CtxUri[];
  /** Paths of what should have gone and stays, for the disk refuses to remove it: another user's, most likely. */
  readonly refused: readonly string[];
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
  let census = await count(parts, signal);
  const first = { ...rules, foldersFirst: options.apply };
  let plan = await makePlan(parts.places, census, first, signal);
  const report = reportOf(plan, rules.budget);
  if (!options.apply) return report;
  parts.workspace.expectWritable();
  await parts.workspace.reap(signal, true);
  const reports: CollectReport[] = [];
  const refused = new Set<string>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (const path of await remove(parts, plan, options)) refused.add(path);
    const removed = without(plan, refused, parts.places);
    // In the first round packs may have waited for folders that are refused.
    if (isEmpty(removed) && (round > 0 || isEmpty(plan))) break;
    reports.push(reportOf(removed, rules.budget));
    // What contents free is known only when the folders that shared them are gone.
    census = await count(parts, signal);
    plan = await makePlan(parts.places, census, { ...rules, refused }, signal);
  }
  await forget(parts, census, signal);
  return {
    ...report,
    applied: true,
    sizeAfter: sizeOf({ ...census, database: databaseSize(parts) }),
    packs: reports.flatMap(({ packs }) => packs),
    trees: reports.flatMap(({ trees }) => trees),
    blobs: joined(reports.map(({ blobs }) => blobs)),
    contents: joined(reports.map(({ contents }) => contents)),
    leftovers: joined(reports.map(({ leftovers }) => leftovers)),
    refused: [...refused],
  };
}

async function count(parts: Parts, signal: AbortSignal | undefined): Promise<Census> {
  return await countHolders(parts, await takeCensus(parts, signal), signal);
}

/** Has the database forget what is gone; what came since the census is there, and is looked for. */
async function forget(
  { database, blobs, places }: Parts,
  census: Census,
  signal: AbortSignal | undefined,
): Promise<void> {
  const trees = new Set(census.trees.map(({ tree }) => tree));
  const isHere = {
    blob: (digest: Digest) => census.blobs.find(digest) !== undefined || blobs.isPresent(digest),
    tree: (digest: Digest) => trees.has(digest) || existsSync(places.tree(digest)),
  };
  try {
    await database.forget(isHere, signal);
  } catch (error) {
    signal?.throwIfAborted();
    // What is remembered for nothing only takes room: the next collection forgets it.
    if (!CtxPackError.isInstance(error)) throw error;
  }
}

/** What of a plan has come true. */
function without(plan: Plan, refused: ReadonlySet<string>, places: Places): Plan {
  const isGone = ({ path }: { readonly path: string }): boolean => !refused.has(path);
  return {
    ...plan,
    packs: plan.packs.filter(({ pack }) => !refused.has(places.record(pack.record.uri))),
    trees: plan.trees.filter(({ tree }) => isGone(tree)),
    orphans: plan.orphans.filter(isGone),
    contents: plan.contents.filter(isGone),
    leftovers: plan.leftovers.filter(isGone),
  };
}

/** Blobs of packs go with them. */
function isEmpty({ packs, trees, orphans, contents, leftovers }: Plan): boolean {
  return [packs, trees, orphans, contents, leftovers].every((things) => things.length === 0);
}

function joined(groups: readonly CollectedGroup[]): CollectedGroup {
  return {
    count: groups.reduce((total, { count }) => total + count, 0),
    bytes: sum(groups),
  };
}

function reportOf(plan: Plan, budget: number): CollectReport {
  return {
    applied: false,
    budget,
    size: plan.size,
    sizeAfter: plan.sizeAfter,
    packs: plan.packs.map(({ pack: { record }, bytes, reason }) => ({
      uri: record.uri,
      ...(record.name !== undefined && { name: record.name }),
      bytes,
      usedAt: record.usedAt,
      reason,
    })),
    trees: plan.trees.map(({ tree: { tree, bytes, shared, usedMs }, reason }) => ({
      tree,
      bytes: bytes + shared,
      usedAt: new Date(usedMs).toISOString(),
      reason,
    })),
    blobs: groupOf(plan.orphans),
    contents: groupOf(plan.contents),
    leftovers: groupOf(plan.leftovers),
    unreadable: plan.unreadable,
    refused: [],
  };
}

function groupOf(things: readonly { readonly bytes: number }[]): CollectedGroup {
  return { count: things.length, bytes: sum(things) };
}

function sum(things: readonly { readonly bytes: number }[]): number {
  return things.reduce((total, { bytes }) => total + bytes, 0);
}
