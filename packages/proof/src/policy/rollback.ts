import type { VerifiedBundle } from "../verify/verified-bundle.ts";
import type { LoadedPolicy } from "./load.ts";
import type { Question } from "./policy-verdict.ts";
import { witnessedAt } from "./signer.ts";
import { spokenTime } from "./time.ts";
import type { JudgedPack, Reason, SeenKey } from "./verdict.ts";

/** Why a pack is a step back from what was accepted before, if it is one. */
export function rollbackFault(question: Question, time: Date | undefined): Reason | undefined {
  const { pack, last } = question;
  for (const key of seenKeys(question.policy, pack)) {
    const seen = last(key);
    if (seen === undefined || seen.manifest === pack.manifest) continue;
    if (time !== undefined && time >= seen.time) continue;
    const where = key.subject === pack.name ? ` under ${key.pantry}:${pack.name}` : "";
    const when = time === undefined ? "of no time that is known" : `of ${spokenTime(time)}`;
    return {
      code: "CTXPACK_E_PROOF_ROLLBACK",
      message: `the pack ${pack.manifest} is ${when}; ${seen.manifest}, of ${spokenTime(seen.time)}, was accepted before${where}`,
      hint: "the pantry may have gone back to an older pack; rollback: allow in the rule takes it",
    };
  }
  return undefined;
}

/** What an acceptance is remembered by: the contract, and the name the pack was asked for by. */
export function seenKeys(policy: LoadedPolicy, pack: JudgedPack): readonly SeenKey[] {
  const key = { policy: policy.path, pantry: pack.pantry ?? "" };
  const byUri = { ...key, subject: pack.uri };
  return pack.name === undefined ? [byUri] : [byUri, { ...key, subject: pack.name }];
}

/** The latest of the times at which each was there: another proof never makes a pack older. */
export function latestTime(bundles: readonly VerifiedBundle[]): Date | undefined {
  const times = bundles.flatMap((bundle) => witnessedAt(bundle)?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}
