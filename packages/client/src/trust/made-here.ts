import type { PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type Resolution } from "@ctxpack/identity";
import type { PackFacts } from "@ctxpack/proof/statement";
import type { Session } from "../session.ts";
import { ownVersion } from "../version.ts";

/** How a pack was made, as far as whoever made it knows. */
export type Making = Pick<PackFacts, "kind" | "reused" | "startedOn" | "finishedOn"> & {
  /** What was run, whether the contract says it or not. */
  readonly command?: readonly string[] | undefined;
};

/**
 * Keeps with a pack what this machine says of how it was made, unsigned: what `attest` signs. It only informs, so a store
 * that cannot take it is no failure of what made the pack.
 */
export async function noteMaking(
  session: Session,
  store: Store,
  record: PackRecord,
  { bytes, packs, resolved }: Resolution,
  making: Making,
  signal: AbortSignal,
): Promise<void> {
  const { createStatement, packProvenance, PROVENANCE_TYPE, statementBytes } = await import(
    "@ctxpack/proof/statement"
  );
  const manifests = await manifestsOf(store, packs);
  try {
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
    const statement = createStatement({ subject, predicateType: PROVENANCE_TYPE, predicate });
    await store.keepProofs(record.uri, { statement: statementBytes(statement) }, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    session.warn(`how ${record.uri} was made is not recorded: ${error.message}`);
  }
}

/** The manifests of packs that went in, where the store has them. */
async function manifestsOf(store: Store, packs: Resolution["packs"]) {
  const records = await Promise.all(packs.map(({ uri }) => store.get(uri)));
  return records.map((record) => record?.manifest.digest);
}
