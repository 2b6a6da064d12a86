import type { PackRecord } from "@ctxpack/cache";
import { CtxPackError } from "@ctxpack/identity";
import type { IdentifyOptions } from "../resolve.ts";
import type { Session } from "../session.ts";
import { type ContractStatus, status } from "../status/status.ts";
import { workOf } from "../work.ts";
import { type Computed, missesOf, type ReportedMiss } from "./misses.ts";
import { describePack, type ReportedPack } from "./pack.ts";
import { type ReportedRuns, readRuns } from "./runs.ts";
import { policiesInForce, type ReportedPolicy } from "./trust-state.ts";

export interface ReportOptions extends IdentifyOptions {
  /** Contract files whose results are reported; those below the working directory when absent or empty. */
  readonly contracts?: readonly string[] | undefined;
  /** Files that `run --json` and `map --json` were written to: the store itself does not count hits. */
  readonly runs?: readonly string[] | undefined;
}

/** What is known of a store: the packs, what they take and are from, what they saved. */
export interface StoreReport {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The last used first. */
  readonly packs: readonly ReportedPack[];
  readonly disk: ReportedDisk;
  readonly hits: ReportedHits;
  /** The last one first. */
  readonly misses: readonly ReportedMiss[];
  readonly contracts: readonly ContractStatus[];
  readonly policies: readonly ReportedPolicy[];
}

/** What the store takes, in bytes. */
export interface ReportedDisk {
  readonly size: number;
  /** What it may take before something goes. */
  readonly budget: number;
  /** What `gc --apply` would free now. */
  readonly canGo: number;
  /** Of all files of all packs. */
  readonly content: number;
  /** Of the blobs of each pack, were nothing shared. */
  readonly apart: number;
  /** Of those blobs, each counted once. */
  readonly stored: number;
}

/** What shows that packs were of use. Hits are counted nowhere: `runs` has those that somebody kept. */
export interface ReportedHits {
  /** Packs that were read, pulled, pushed or hit an hour or more after they came. */
  readonly usedAgain: number;
  /** Items that the maps which were made here took from packs that were there. */
  readonly reusedItems: number;
  readonly pulled: {
    readonly packs: number;
    /** What it took to compute them elsewhere, as their makers say. */
    readonly ms: number;
    /** Of so many nobody says. */
    readonly unknown: number;
  };
  readonly runs?: ReportedRuns;
}

/** A record's time is when it was used, right to the hour. */
const HOUR_MS = 3_600_000;

/**
 * Gathers what is known of the store and of the contracts here. To be in it is no use of a pack; to be an input of a
 * contract here is, as for `status`.
 */
export async function report(session: Session, options: ReportOptions): Promise<StoreReport> {
  const { signal } = workOf(options);
  const runs = options.runs && (await readRuns(options.runs, session.cwd, signal));
  const store = await session.store(signal);
  const policies = await policiesInForce(session, signal);
  // First, since a pack whose acceptance has ended is judged again for it.
  const contracts = await contractsHere(session, options);
  const sizes = await store.sizes({ signal });
  const [whole] = await store.sizes({ by: () => "", signal });
  const { size, budget, sizeAfter } = await store.collect({ signal });
  const records: PackRecord[] = [];
  const packs: ReportedPack[] = [];
  const computed: Computed[] = [];
  const sizeOf = new Map(sizes.map((one) => [one.key, one]));
  for await (const record of store.list({ signal })) {
    const beside = { size: sizeOf.get(record.uri), policies };
    const { pack, startedAt } = await describePack(store, record, beside, signal);
    records.push(record);
    packs.push(pack);
    if (startedAt === undefined) continue;
    computed.push({ record, startedAt, durationMs: pack.took?.ms ?? 0 });
  }
  packs.sort((a, b) => (a.usedAt === b.usedAt ? 0 : a.usedAt < b.usedAt ? 1 : -1));
  const misses = await missesOf(store, computed, records, signal);
  return {
    at: new Date().toISOString(),
    packs,
    disk: {
      size,
      budget,
      canGo: size - sizeAfter,
      content: packs.reduce((sum, { bytes }) => sum + bytes.content, 0),
      apart: sizes.reduce((sum, { stored }) => sum + stored, 0),
      stored: whole?.stored ?? 0,
    },
    hits: { ...hitsOf(packs), ...(runs && { runs }) },
    misses,
    contracts,
    policies,
  };
}

function hitsOf(packs: readonly ReportedPack[]): Omit<ReportedHits, "runs"> {
  const own = packs.filter(({ from }) => from === "mapped");
  const pulled = packs.filter(({ from }) => from === "pulled");
  const reused = own.flatMap(({ proofs }) => proofs?.provenance?.reused ?? []);
  return {
    usedAgain: packs.filter(
      ({ createdAt, usedAt }) => Date.parse(usedAt) - Date.parse(createdAt) >= HOUR_MS,
    ).length,
    reusedItems: reused.reduce((sum, { items }) => sum + items, 0),
    pulled: {
      packs: pulled.length,
      ms: pulled.reduce((sum, { took }) => sum + (took?.ms ?? 0), 0),
      unknown: pulled.filter(({ took }) => took === undefined).length,
    },
  };
}

/** The contracts here; a folder that may not be searched takes nothing from the rest of the report. */
async function contractsHere(
  session: Session,
  options: ReportOptions,
): Promise<readonly ContractStatus[]> {
  try {
    const { contracts } = await status(session, options);
    return contracts.map(withoutFolders);
  } catch (error) {
    if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_PERMISSION") throw error;
    session.warn(`no contracts are reported: ${error.message}`);
    return [];
  }
}

/** A report is shown to others: where things lie on this machine is nobody's business. */
function withoutFolders(one: ContractStatus): ContractStatus {
  if (one.error === undefined) return one;
  const message = one.error.message.replaceAll(ABSOLUTE, (_, before) => `${before}…/`);
  return { ...one, error: { ...one.error, message } };
}

/** All of an absolute path but its last segment; a JSON pointer into a contract looks like one. */
const ABSOLUTE =
  /(^|[\s"'(=:,])(?!\/(?:inputs|transforms|outputs|command|map|name|\$schema)\b)(?:[A-Za-z]:[\\/]|\\\\|\/)(?:[^\s"'\\/]+[\\/])+/g;
