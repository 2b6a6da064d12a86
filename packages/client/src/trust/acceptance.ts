import type { KeptProofs, PackRecord } from "@ctxpack/cache";
import type { Digest } from "@ctxpack/identity";
import type { Evaluation, Verdict } from "@ctxpack/proof";

/** An acceptance is good for so long; then the same proofs are looked at again. In ms. */
const GOOD_FOR = 24 * 3_600_000;

/** Whether this user made the pack, or says how it was made: then it is theirs, and no policy is asked. */
export function isMadeHere({ origin }: PackRecord, proofs: KeptProofs | undefined): boolean {
  return origin === "seed" || proofs?.statement !== undefined;
}

/** Whether an acceptance is by these policies, and has not ended. */
export function isGood(
  { policies, until }: KeptProofs["acceptances"][number],
  digests: readonly Digest[],
): boolean {
  const isSame =
    policies.length === digests.length && policies.every((one, i) => one === digests[i]);
  return isSame && (until === undefined || Date.parse(until) > Date.now());
}

/** Until when the verdict stands without another look: a day, or as long as proofs are young enough and keys valid. */
export function untilOf(
  { policies: verdicts }: Verdict,
  { policies, now }: Evaluation,
): { until: string } {
  const ends = [now.getTime() + GOOD_FOR];
  for (const [i, { rule, time }] of verdicts.entries()) {
    for (const { maxAge } of policies[i]?.rules[rule ?? 0]?.require ?? []) {
      if (maxAge !== undefined && time !== undefined) ends.push(time.getTime() + maxAge);
    }
    for (const signer of policies[i]?.signers.values() ?? []) {
      if (signer.kind !== "key") continue;
      for (const end of [signer.validUntil, signer.revokedAt]) {
        if (end !== undefined && end > now) ends.push(end.getTime());
      }
    }
  }
  return { until: new Date(Math.min(...ends)).toISOString() };
}
