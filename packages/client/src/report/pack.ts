import type { KeptProofs, PackRecord, Rechecks, RunLog, Store, StoredSize } from "@ctxpack/cache";
import { LIMITS, parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { fetchBytes } from "@ctxpack/oci";
import { type PackConfig, readConfig } from "../pack-config.ts";
import { factsOf, type PackFacts } from "../search/facts.ts";
import { type DescribedProofs, describeKept } from "../trust/describe.ts";
import { type ReportedPolicy, type TrustState, trustState } from "./trust-state.ts";

/** How a pack came into the store. */
export type PackOrigin =
  /** A command or function ran here, and left a log. */
  | "computed"
  /** The same, one result for every file of an input. */
  | "mapped"
  /** Somebody gave the folder. */
  | "seeded"
  /** From a pantry. */
  | "pulled"
  /** The run of an agent. */
  | "trace";

/** A pack of the store, and what is known beside it. */
export interface ReportedPack extends PackFacts {
  readonly uri: CtxUri;
  readonly from: PackOrigin;
  /** `seed`, or the pantry it came from. */
  readonly origin: string;
  readonly files: number;
  readonly bytes: {
    /** Sum of the sizes of the files. */
    readonly content: number;
    /** Of its blobs. */
    readonly stored: number;
    /** Of blobs that no other pack holds. */
    readonly own: number;
  };
  readonly partial: boolean;
  readonly pinned: boolean;
  /** Its manifest or contract cannot be read: `ctxpack fsck` says more. */
  readonly unreadable: boolean;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC, right to the hour. */
  readonly usedAt: string;
  /** What it took to compute. `by`: measured here, or as its maker says, right to the second. */
  readonly took?: { readonly ms: number; readonly by: "log" | "provenance" };
  readonly trust: TrustState;
  readonly proofs?: DescribedProofs;
  /** What became of computing it again, here. */
  readonly rechecks?: Omit<Rechecks, "uri" | "tree">;
}

/** What goes with a record. */
interface Beside {
  readonly size: StoredSize | undefined;
  readonly policies: readonly ReportedPolicy[];
}

/** A pack as it is reported, and when the command began that made it here. */
interface Described {
  readonly pack: ReportedPack;
  readonly startedAt?: string;
}

/** Describes a pack of the store. That is no use of it: when it was used last stays as it is. */
export async function describePack(
  store: Store,
  record: PackRecord,
  { size, policies }: Beside,
  signal: AbortSignal,
): Promise<Described> {
  const { uri, origin, files, partial, pinned, createdAt, usedAt } = record;
  const config = partial ? undefined : await configOf(store, record, signal);
  const kept = await store.proofs(uri);
  const proofs = kept && (await describeSound(kept));
  const log = await store.log(uri);
  const rechecks = await store.rechecks(uri);
  const took = tookOf(log, proofs);
  const pack: ReportedPack = {
    ...(config ? factsOf(config, record.name) : unknownFacts(record)),
    uri,
    from: fromOf(record, config, log),
    origin,
    files,
    bytes: { content: record.bytes, stored: size?.stored ?? 0, own: size?.own ?? 0 },
    partial,
    pinned,
    unreadable: !partial && config === undefined,
    createdAt,
    usedAt,
    ...(took && { took }),
    trust: trustState(record, kept, policies),
    ...(proofs && { proofs }),
    ...(rechecks && { rechecks: withoutOutput(rechecks) }),
  };
  return { pack, ...(log && { startedAt: log.startedAt }) };
}

/** What a pack is of; `undefined` when that cannot be read. By its blobs, for reading a pack is using it. */
export async function configOf(
  store: Store,
  { manifest }: PackRecord,
  signal: AbortSignal,
): Promise<PackConfig | undefined> {
  try {
    const bytes = await fetchBytes(store.blobs, manifest, { maxBytes: LIMITS.manifest, signal });
    return await readConfig(store.blobs, parsePackManifest(bytes), signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}

/** Proofs come from anybody: those that make no sense are as none. */
async function describeSound(kept: KeptProofs): Promise<DescribedProofs | undefined> {
  try {
    return await describeKept(kept);
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}

function fromOf(
  { kind, origin }: PackRecord,
  config: PackConfig | undefined,
  log: RunLog | undefined,
): PackOrigin {
  if (kind === "trace") return "trace";
  if (origin !== "seed") return "pulled";
  if (log === undefined) return "seeded";
  return config?.contract?.map === undefined ? "computed" : "mapped";
}

function tookOf(
  log: RunLog | undefined,
  proofs: DescribedProofs | undefined,
): ReportedPack["took"] {
  if (log !== undefined) return { ms: log.durationMs, by: "log" };
  const { startedOn, finishedOn } = proofs?.provenance ?? {};
  if (startedOn === undefined || finishedOn === undefined) return undefined;
  const ms = Date.parse(finishedOn) - Date.parse(startedOn);
  return ms >= 0 ? { ms, by: "provenance" } : undefined;
}

function unknownFacts({ kind, name }: PackRecord): PackFacts {
  const nothing = { tools: [], models: [], inputs: [] };
  return { kind: kind ?? "contract", ...(name !== undefined && { name }), ...nothing };
}

/** They are of the pack that they stand in. */
function withoutOutput({
  uri: _,
  tree: __,
  ...rest
}: Rechecks): NonNullable<ReportedPack["rechecks"]> {
  return rest;
}
