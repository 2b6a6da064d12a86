import type { Store } from "@ctxpack/cache";
import type { CtxUri } from "@ctxpack/identity";
import type { Session } from "../session.ts";

/**
 * Whether the store has a pack whole that the policies refuse: that is no output of its contract, and one that they accept
 * takes its place.
 */
export async function isRefusedHere(
  session: Session,
  store: Store,
  uri: CtxUri,
  signal: AbortSignal,
): Promise<boolean> {
  if (session.gate === undefined) return false;
  const record = await store.get(uri);
  if (record === undefined || record.partial) return false;
  return (await session.gate.judgeStored(store, record, signal)) !== undefined;
}
