import { checkPin } from "../lock/check.ts";
import type { Lock } from "../lock/lock.ts";
import type { RefusedBundle, VerifiedBundle } from "../verify/verified-bundle.ts";
import type { LoadedPolicy } from "./load.ts";
import { askPolicy } from "./policy-verdict.ts";
import { seenKeys } from "./rollback.ts";
import type { SeenTimes } from "./seen.ts";
import type { JudgedDependency, JudgedPack, PolicyVerdict, Reason, Verdict } from "./verdict.ts";

/** Everything that a verdict hangs on. */
export interface Evaluation {
  /** All of them have to accept. Without any nothing is accepted. */
  readonly policies: readonly LoadedPolicy[];
  readonly pack: JudgedPack;
  /** Bundles whose signatures are right; the same one several times where it is under several trust roots. */
  readonly verified: readonly VerifiedBundle[];
  /** What was found and does not count, for the reason to be told. */
  readonly refused: readonly RefusedBundle[];
  readonly now: Date;
  /** What was accepted before; without it nothing is a rollback. */
  readonly seen?: Pick<SeenTimes, "last"> | undefined;
  /** A pin of this pack has to be met. */
  readonly lock?: Lock | undefined;
  /** What was found out about packs that this one may be made from, by the digest of their manifest. */
  readonly dependencies?: ReadonlyMap<string, boolean> | undefined;
}

/**
 * Whether a pack may be used: every policy has to accept it, each by its first rule about the pack. A pure function
 * of its arguments; another proof never makes it say no, another policy never makes it say yes.
 */
export function evaluate(evaluation: Evaluation): Verdict {
  const { policies, pack, now, seen, dependencies = new Map() } = evaluation;
  const verified = inOrder(evaluation.verified);
  const answers = policies.map((policy) =>
    askPolicy({
      policy,
      pack,
      verified,
      refused: evaluation.refused,
      now,
      last: (key) => seen?.last(key),
      dependencies,
    }),
  );
  const verdicts = answers.map(({ verdict }) => verdict);
  const bundles = [...new Set(verdicts.flatMap((verdict) => verdict.bundles))].sort();
  const failure = failureOf(verdicts) ?? pinFailure(evaluation, verdicts);
  return {
    accepted: failure === undefined,
    pack,
    bundles,
    policies: verdicts,
    ...(failure && { failure }),
    unjudged: unique(answers.flatMap(({ unjudged }) => unjudged)),
    seen:
      failure === undefined
        ? verdicts.flatMap((verdict, i) => seenBy(policies[i] as LoadedPolicy, pack, verdict))
        : [],
  };
}

function failureOf(verdicts: readonly PolicyVerdict[]): Reason | undefined {
  if (verdicts.length === 0) {
    return {
      code: "CTXPACK_E_POLICY",
      message: "there is no policy that could accept this pack",
      hint: "write one: docs/policy.md",
    };
  }
  return verdicts.find(({ accepted }) => !accepted)?.reasons[0];
}

function pinFailure(
  { lock, pack, policies }: Evaluation,
  verdicts: readonly PolicyVerdict[],
): Reason | undefined {
  const pin = lock?.packs.get(pack.uri);
  if (lock === undefined || pin === undefined) return undefined;
  return checkPin(lock, pack.uri, {
    manifest: pack.manifest,
    bundles: verdicts.flatMap(({ bundles }) => bundles),
    signers: verdicts.flatMap(({ signers }) => signers),
    policies: policies.map(({ digest }) => digest),
  });
}

function seenBy(policy: LoadedPolicy, pack: JudgedPack, { time }: PolicyVerdict): Verdict["seen"] {
  if (time === undefined) return [];
  return seenKeys(policy, pack).map((key) => ({ key, time, manifest: pack.manifest }));
}

function inOrder(bundles: readonly VerifiedBundle[]): readonly VerifiedBundle[] {
  const each = new Map(bundles.map((bundle) => [`${bundle.digest} ${rootOf(bundle)}`, bundle]));
  return [...each].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, bundle]) => bundle);
}

function rootOf({ signer }: VerifiedBundle): string {
  return signer.kind === "key" ? "" : signer.trustRoot;
}

function unique(packs: readonly JudgedDependency[]): readonly JudgedDependency[] {
  return [...new Map(packs.map((pack) => [pack.digest, pack])).values()];
}
