import type { CollectReport, CollectOptions as CollectStoreOptions } from "@ctxpack/cache";
import type { Session } from "../session.ts";
import { workOf } from "../work.ts";

/** What the store can do without; applied, trust roots that were not used for long go too. */
export async function collectStore(
  session: Session,
  options: CollectStoreOptions,
): Promise<CollectReport> {
  const { signal } = workOf(options);
  const report = await (await session.store(signal)).collect({ ...options, signal });
  if (!report.applied) return report;
  const { pruneTrustDirectory, trustDirectory } = await import("@ctxpack/proof");
  const { workspace } = session.config;
  await pruneTrustDirectory(trustDirectory({ env: session.env, workspace }), { signal });
  return report;
}
