import type { PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest, type Resolution } from "@ctxpack/identity";
import type { PackFacts } from "@ctxpack/proof/statement";
import type { Session } from "../session.ts";
import { ownVersion } from "../version.ts";

/** How a pack was made, as far as whoever made it knows. */
export type Making = Pick<PackFacts, "kind" | "reused" | "startedOn" | "finishedOn"> & {
  /** What was run, whether the contract says it or not. */
  readonly command?: readonly string[] | undefined;
};

/** Where a pack lies, and what it is of. */
interface MadePack {
  readonly session: Session;
  readonly store: Store;
  readonly record: PackRecord;
  readonly resolution: Resolution;
  /** False when it was there already. */
  readonly created: boolean;
}

/** What can be said of how a pack was made, unsigned. Throws CTXPACK_E_TOO_LARGE for more than a statement holds. */
export async function makingStatement(
  { session, store, record, resolution }: Omit<MadePack, "created">,
  making: Making,
): Promise<Uint8Array> {
  const { createStatement, packProvenance, PROVENANCE_TYPE, statementBytes } = await import(
    "@ctxpack/proof/statement"
  );
  const { bytes, packs, resolved } = resolution;
  const manifests = await manifestsOf(store, packs);
  const predicate = packProvenance({
    contract: bytes,
    kind: making.kind,
    env: session.env,
    packs: packs.map((pack, i) => ({ ...pack, manifest: manifests[i] })),
    reused: making.reused,
    command: resolved.command === undefined ? making.command : undefined,
    tree: record.tree,
    startedOn: making.startedOn,
    finishedOn: making.finishedOn,
    versions: { ctxpack: ownVersion(), node: process.versions.node },
    platform: `${process.platform}/${process.arch}`,
  });
  const subject = { name: record.uri, digest: record.manifest.digest };
  return statementBytes(createStatement({ subject, predicateType: PROVENANCE_TYPE, predicate }));
}

/**
 * Keeps with a pack what this machine says of how it was made: what `attest` signs. It only informs, so a store that
 * cannot take it is no failure of what made the pack.
 */
export async function noteMaking(
  made: MadePack,
  making: Making,
  signal: AbortSignal,
): Promise<void> {
  await keepStatement(made, () => makingStatement(made, making), signal);
}

/** Whether a pack is this machine's own and nothing says how it was made: who made it was killed before it could. */
export async function isUnrecorded(store: Store, record: PackRecord): Promise<boolean> {
  if (record.origin !== "seed") return false;
  try {
    return (await store.proofs(record.uri))?.statement === undefined;
  } catch (error) {
    // What is not readable here only informs: it fails nothing.
    if (!CtxPackError.isInstance(error)) throw error;
    return false;
  }
}

/** Keeps an unsigned statement with a pack: that of its making stays when it is only seeded again. */
export async function keepStatement(
  { session, store, record, created }: Omit<MadePack, "resolution">,
  make: () => Promise<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const first = !created;
    await store.keepProofs(record.uri, { statement: await make() }, { of: record, first, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    session.warn(`how ${record.uri} was made is not recorded: ${error.message}`);
  }
}

/** The manifests of packs that went in, where the store has them. */
export async function manifestsOf(
  store: Store,
  packs: readonly { readonly uri: CtxUri }[],
): Promise<readonly (Digest | undefined)[]> {
  const records = await Promise.all(packs.map(({ uri }) => store.get(uri)));
  return records.map((record) => record?.manifest.digest);
}
