import type { PackRecord, Store } from "@ctxpack/cache";
import type { CtxUri } from "@ctxpack/identity";
import { explain, type ListingOf } from "../why/explain.ts";
import type { Explanation } from "../why/why.ts";
import { configOf } from "./pack.ts";

/** Reasons are looked for of so many misses, the last ones. */
const MOST_EXPLAINED = 200;

/** A contract that had no result, so that it was computed here. */
export interface ReportedMiss {
  readonly uri: CtxUri;
  readonly name?: string;
  /** ISO 8601, UTC: when the command began. */
  readonly at: string;
  readonly durationMs: number;
  /**
   * What differs from the last earlier pack that has its name or one of its outputs. Absent when the store has none (any
   * more), and for all but the last 200 misses.
   */
  readonly explanation?: Explanation;
}

/** A pack that was computed here. */
export interface Computed {
  readonly record: PackRecord;
  readonly startedAt: string;
  readonly durationMs: number;
}

/** The misses that packs of the store are from, the last one first. */
export async function missesOf(
  store: Store,
  computed: readonly Computed[],
  records: readonly PackRecord[],
  signal: AbortSignal,
): Promise<ReportedMiss[]> {
  const earlier = earlierPacks(records);
  const misses: ReportedMiss[] = [];
  const newest = computed.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  for (const { record, startedAt: at, durationMs } of newest) {
    const { uri, name } = record;
    const before = misses.length < MOST_EXPLAINED ? earlier(record) : undefined;
    const explanation = before && (await explanationOf(store, before, record, signal));
    misses.push({
      uri,
      ...(name !== undefined && { name }),
      at,
      durationMs,
      ...(explanation && { explanation }),
    });
  }
  return misses;
}

/** Finds the last pack of the same name or output that was there before another one. */
function earlierPacks(
  records: readonly PackRecord[],
): (record: PackRecord) => PackRecord | undefined {
  const known = new Map<string, PackRecord[]>();
  for (const record of records.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))) {
    if (record.kind === "trace" || record.partial) continue;
    for (const label of labelsOf(record)) {
      const ofLabel = known.get(label);
      if (ofLabel === undefined) known.set(label, [record]);
      else ofLabel.push(record);
    }
  }
  return (record) =>
    labelsOf(record)
      .flatMap((label) => known.get(label)?.find((one) => one.createdAt < record.createdAt) ?? [])
      .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))[0];
}

function labelsOf({ name, outputs = [] }: PackRecord): string[] {
  return [...(name === undefined ? [] : [`name ${name}`]), ...outputs.map((path) => `at ${path}`)];
}

async function explanationOf(
  store: Store,
  before: PackRecord,
  after: PackRecord,
  signal: AbortSignal,
): Promise<Explanation | undefined> {
  const left = (await configOf(store, before, signal))?.contract;
  const right = (await configOf(store, after, signal))?.contract;
  if (left === undefined || right === undefined) return undefined;
  const listing: ListingOf = (digest) => store.listing(digest);
  const differences = await explain(left, right, { before: listing, after: listing });
  const { uri, name, createdAt } = before;
  const nearest = { uri, where: "store", ...(name !== undefined && { name }), createdAt };
  return { nearest, differences };
}
