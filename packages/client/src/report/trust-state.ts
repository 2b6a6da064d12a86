import { basename } from "node:path";
import type { KeptProofs, PackRecord } from "@ctxpack/cache";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import { isGood, isMadeHere } from "../trust/acceptance.ts";
import { readPolicies } from "../trust/policies.ts";

/** Whose word a pack of the store rests on. Nothing is verified to say so. */
export type TrustState =
  /** It was made here: no policy is asked. */
  | "own"
  /** The policies in force have accepted it (where there are none: some have), and that has not ended. */
  | "accepted"
  /** Policies have accepted it: other ones, or that has ended. It is looked at again before it is used. */
  | "lapsed"
  /** Somebody signed it, and no policy has judged that. */
  | "signed"
  /** Nobody vouches for it. */
  | "unsigned";

/** A policy that is in force. */
export interface ReportedPolicy {
  /** The name of its file, without its folder. */
  readonly file: string;
  /** Absent when it cannot be read: `ctxpack doctor` says why. */
  readonly digest?: Digest;
}

/** The policies that packs from elsewhere have to satisfy, in the order of the configuration. */
export async function policiesInForce(
  session: Session,
  signal: AbortSignal,
): Promise<ReportedPolicy[]> {
  const found: ReportedPolicy[] = [];
  for (const path of session.config.policies) {
    const file = basename(path);
    try {
      const [policy] = await readPolicies([path], session, signal);
      found.push({ file, ...(policy && { digest: policy.digest }) });
    } catch (error) {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      found.push({ file });
    }
  }
  return found;
}

/** What is known of a pack, by what is kept of its proofs. */
export function trustState(
  record: PackRecord,
  kept: KeptProofs | undefined,
  policies: readonly ReportedPolicy[],
): TrustState {
  if (isMadeHere(record, kept)) return "own";
  const digests = policies.flatMap(({ digest }) => digest ?? []).sort();
  // With a policy that cannot be read nothing would be taken.
  const isReadable = digests.length === policies.length;
  const acceptances = kept?.acceptances ?? [];
  const counts =
    isReadable &&
    acceptances.some((one) => isGood(one, policies.length === 0 ? one.policies : digests));
  if (counts) return "accepted";
  if (acceptances.length > 0) return "lapsed";
  return (kept?.bundles.length ?? 0) > 0 ? "signed" : "unsigned";
}
