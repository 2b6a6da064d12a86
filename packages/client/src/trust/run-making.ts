import type { PackRecord, Store } from "@ctxpack/cache";
import type { RunHead } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import { ownVersion } from "../version.ts";
import { manifestsOf } from "./made-here.ts";

/** What can be said of where the trace of a run comes from, unsigned. */
export async function runStatement(
  session: Session,
  store: Store,
  { record, run }: { readonly record: PackRecord; readonly run: RunHead },
): Promise<Uint8Array> {
  const { createStatement, runProvenance, PROVENANCE_TYPE, statementBytes } = await import(
    "@ctxpack/proof/statement"
  );
  const parents = run.parents ?? [];
  const manifests = await manifestsOf(store, parents);
  const predicate = runProvenance({
    run: record.uri,
    log: run.source.digest,
    parents: parents.map(({ uri }, i) => ({ uri, manifest: manifests[i] })),
    env: session.env,
    tree: record.tree,
    finishedOn: new Date(record.createdAt),
    versions: { ctxpack: ownVersion(), node: process.versions.node },
  });
  const subject = { name: record.uri, digest: record.manifest.digest };
  return statementBytes(createStatement({ subject, predicateType: PROVENANCE_TYPE, predicate }));
}
