import type { Lock, PolicyVerdict, Verdict } from "@ctxpack/proof";

/** What a verdict comes to when it has to meet something more. */
export type Hold = (verdict: Verdict) => Verdict;

/**
 * Holds an accepted pack to its pins in the lock files of the configuration; each can only forbid. They pin what the
 * policies of the configuration accept: a signer named on a command line has no part in it.
 */
export async function holdToPins(
  locks: readonly Lock[],
  isConfigured: readonly boolean[],
): Promise<Hold> {
  if (locks.length === 0) return (verdict) => verdict;
  const { checkPin } = await import("@ctxpack/proof");
  return (verdict) => {
    if (!verdict.accepted) return verdict;
    const { manifest, uri } = verdict.pack;
    const policies = verdict.policies.filter((_, i) => isConfigured[i]);
    const found = {
      manifest,
      bundles: bundlesOf(policies),
      signers: policies.flatMap(({ signers }) => signers),
      policies: policies.map(({ digest }) => digest),
    };
    for (const lock of locks) {
      const failure = checkPin(lock, uri, found);
      if (failure !== undefined) return { ...verdict, accepted: false, failure, seen: [] };
    }
    return verdict;
  };
}

/** The proofs that some policies have counted. */
export function bundlesOf(policies: readonly PolicyVerdict[]): Verdict["bundles"] {
  return [...new Set(policies.flatMap(({ bundles }) => bundles))];
}
