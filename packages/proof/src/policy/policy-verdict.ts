import { PROOF_STEPS } from "../verify/failure.ts";
import type { RefusedBundle, VerifiedBundle } from "../verify/verified-bundle.ts";
import type { LoadedPolicy } from "./load.ts";
import type { Rule } from "./policy.ts";
import { claimedTools } from "./provenance.ts";
import { judgeBundle } from "./requirement.ts";
import { revokedPack } from "./revoked.ts";
import { latestTime, rollbackFault } from "./rollback.ts";
import type { LastSeen } from "./seen.ts";
import { selectRule } from "./select.ts";
import { noRuleReason, noRuleReasons, shortfall } from "./shortfall.ts";
import { countedSigner, signerId } from "./signer.ts";
import { countSigners } from "./threshold.ts";
import type {
  CountedSigner,
  JudgedDependency,
  JudgedPack,
  PolicyVerdict,
  Reason,
  SeenKey,
} from "./verdict.ts";

/** What one policy is asked. */
export interface Question {
  readonly policy: LoadedPolicy;
  readonly pack: JudgedPack;
  /** In the order of their digests. */
  readonly verified: readonly VerifiedBundle[];
  readonly refused: readonly RefusedBundle[];
  readonly now: Date;
  readonly last: (key: SeenKey) => LastSeen | undefined;
  readonly dependencies: ReadonlyMap<string, boolean>;
}

/** What one policy answers, and the packs it would have to know of for another answer. */
export interface Answer {
  readonly verdict: PolicyVerdict;
  readonly unjudged: readonly JudgedDependency[];
}

/** Asks one policy about a pack. */
export function askPolicy(question: Question): Answer {
  const { policy, pack } = question;
  const revoked = revokedPack(pack, policy);
  if (revoked !== undefined) return refusal(question, undefined, [revoked]);
  const selected = selectRule(policy, pack);
  if (selected.rule !== undefined) return askRule(question, selected, question.verified);
  const claims = selected.why === "tools" ? claimsOf(question.verified) : [];
  if (claims.length === 0) {
    return refusal(question, undefined, noRuleReasons(question, selected.why));
  }
  const answers = claims.map((claim) => askClaim(question, claim));
  const accepted = answers.map(({ verdict }) => verdict).filter((verdict) => verdict.accepted);
  if (accepted.length > 0) return { verdict: together(accepted), unjudged: [] };
  const best = answers.reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a));
  return { ...best, unjudged: answers.flatMap(({ unjudged }) => unjudged) };
}

/** What several claims were accepted by: a further one takes nothing away. */
function together(verdicts: readonly PolicyVerdict[]): PolicyVerdict {
  const [first] = verdicts;
  const times = verdicts.flatMap(({ time }) => time?.getTime() ?? []);
  const signers = verdicts.flatMap((verdict) => verdict.signers);
  return {
    ...(first as PolicyVerdict),
    bundles: [...new Set(verdicts.flatMap(({ bundles }) => bundles))].sort(),
    signers: [...new Map(signers.map((signer) => [JSON.stringify(signer), signer])).values()],
    ...(times.length > 0 && { time: new Date(Math.max(...times)) }),
  };
}

/** Proofs that say the same of the tools that made the pack. */
interface Claim {
  readonly tools: readonly string[];
  readonly claiming: ReadonlySet<string>;
  /** Those, and those that say nothing of tools. */
  readonly bundles: readonly VerifiedBundle[];
}

function claimsOf(verified: readonly VerifiedBundle[]): readonly Claim[] {
  const claims = verified.map((bundle) => ({ bundle, tools: claimedTools(bundle.statement) }));
  const keys = new Set(claims.flatMap(({ tools }) => (tools ? [JSON.stringify(tools)] : [])));
  return [...keys].sort().map((key) => {
    const saying = claims.filter(({ tools }) => tools && JSON.stringify(tools) === key);
    return {
      tools: JSON.parse(key) as string[],
      claiming: new Set(saying.map(({ bundle }) => bundle.digest)),
      bundles: claims
        .filter(({ tools }) => tools === undefined || JSON.stringify(tools) === key)
        .map(({ bundle }) => bundle),
    };
  });
}

/** A claim chooses the rule, so one of the proofs that make it has to count there: anybody can claim anything. */
function askClaim(question: Question, { tools, claiming, bundles }: Claim): Answer {
  const selected = selectRule(question.policy, { pantry: question.pack.pantry, tools });
  if (selected.rule === undefined) {
    const pack = { ...question.pack, tools };
    return refusal(question, undefined, [noRuleReason({ ...question, pack }, "none")]);
  }
  const answer = askRule(question, selected, bundles);
  const { verdict } = answer;
  if (!verdict.accepted || verdict.bundles.some((digest) => claiming.has(digest))) return answer;
  return refusal(question, selected.index, [noRuleReason(question, "tools")]);
}

function askRule(
  question: Question,
  { rule, index }: { readonly rule: Rule; readonly index: number },
  bundles: readonly VerifiedBundle[],
): Answer {
  const { policy, pack, now, dependencies } = question;
  const counted = new Set<VerifiedBundle>();
  const signers = new Map<string, CountedSigner>();
  const unjudged: JudgedDependency[] = [];
  for (const requirement of rule.require) {
    const judged = bundles.map((bundle) => ({
      bundle,
      judged: judgeBundle(bundle, { policy, rule, requirement, pack, now, dependencies }),
    }));
    const votes = judged.flatMap(({ bundle, judged }) =>
      judged.counts ? [{ bundle, signer: signerId(bundle.signer), names: judged.names }] : [],
    );
    for (const one of judged) {
      if (!one.judged.counts) unjudged.push(...(one.judged.unjudged ?? []));
    }
    const count = countSigners(votes);
    if (count < requirement.threshold) {
      const reasons = shortfall(question, requirement, count, judged);
      return { ...refusal(question, index, reasons), unjudged };
    }
    for (const { bundle, names } of votes) {
      counted.add(bundle);
      for (const name of names) {
        signers.set(`${name} ${signerId(bundle.signer)}`, countedSigner(name, bundle.signer));
      }
    }
  }
  const time = latestTime([...counted]);
  const rollback = rule.rollback === "deny" ? rollbackFault(question, time) : undefined;
  if (rollback !== undefined) return refusal(question, index, [rollback]);
  return {
    verdict: {
      file: policy.file,
      digest: policy.digest,
      accepted: true,
      rule: index,
      bundles: [...new Set([...counted].map(({ digest }) => digest))].sort(),
      signers: [...signers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, signer]) => signer),
      ...(time && { time }),
      reasons: [],
    },
    unjudged: [],
  };
}

function refusal(
  { policy }: Question,
  rule: number | undefined,
  reasons: readonly Reason[],
): Answer {
  return {
    verdict: {
      file: policy.file,
      digest: policy.digest,
      accepted: false,
      ...(rule !== undefined && { rule }),
      bundles: [],
      signers: [],
      reasons,
    },
    unjudged: [],
  };
}

function rankOf({ verdict }: Answer): number {
  return PROOF_STEPS.indexOf(verdict.reasons[0]?.code ?? "CTXPACK_E_PROOF_MISSING");
}
