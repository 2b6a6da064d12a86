import { PROOF_STEPS } from "../verify/failure.ts";
import type { LoadedPolicy } from "./load.ts";
import type { Requirement } from "./policy.ts";
import type { Question } from "./policy-verdict.ts";
import type { Judged } from "./requirement.ts";
import { orList, shortDigest } from "./spoken.ts";
import type { Reason } from "./verdict.ts";

/** Why a requirement is not met: what is missing if some signers count, else the proof that came furthest. */
export function shortfall(
  question: Question,
  requirement: Requirement,
  count: number,
  judged: readonly { readonly judged: Judged }[],
): Reason[] {
  const failed = [
    ...refusedProofs(question),
    ...judged.flatMap(({ judged }) => (judged.counts ? [] : [judged])),
  ];
  const reasons = failed
    .toSorted((a, b) => b.progress - a.progress || compareReasons(a.reason, b.reason))
    .map(({ reason }) => reason);
  if (count > 0) return [tooFew(question.policy, requirement, count), ...reasons];
  return reasons.length > 0 ? reasons : [missing(question, requirement)];
}

/** Why bundles cannot be used, and how far they came. */
function refusedProofs({ refused }: Question): readonly { progress: number; reason: Reason }[] {
  return refused.map(({ digest, code, message }) => ({
    progress: PROOF_STEPS.indexOf(code) - PROOF_STEPS.length,
    reason: {
      code,
      message:
        digest === undefined
          ? message
          : `the proof ${shortDigest(digest)} cannot be used: ${message}`,
      bundle: digest,
    },
  }));
}

function compareReasons(a: Reason, b: Reason): number {
  const key = ({ bundle, message }: Reason): string => `${bundle} ${message}`;
  return key(a) < key(b) ? -1 : 1;
}

function tooFew(policy: LoadedPolicy, requirement: Requirement, count: number): Reason {
  const names = requirement.allowed.flatMap(({ signers }) => signers);
  return {
    code: "CTXPACK_E_PROOF_THRESHOLD",
    message: `${count} of ${requirement.threshold} signers that ${policy.file} asks for; it takes ${orList(names)}`,
    hint: "have it attested by another one of them",
  };
}

function missing({ policy, pack }: Question, requirement: Requirement): Reason {
  const names = requirement.allowed.flatMap(({ signers }) => signers);
  const where = pack.pantry === undefined ? "" : ` in ${pack.pantry}`;
  return {
    code: "CTXPACK_E_PROOF_MISSING",
    message: `nobody vouches for this pack${where}; ${policy.file} asks for ${orList(names)}`,
    hint: "whoever made it can sign it with ctxpack attest; a copy may have left its proofs behind",
  };
}

/** Why no rule decides, and which proofs might have said by which tool the pack was made. */
export function noRuleReasons(question: Question, why: "none" | "tools"): readonly Reason[] {
  const unused = why === "tools" ? refusedProofs(question).map(({ reason }) => reason) : [];
  return [noRuleReason(question, why), ...unused.toSorted(compareReasons)];
}

/** Why no rule decides. */
export function noRuleReason(
  { policy, pack, verified, refused }: Question,
  why: "none" | "tools",
): Reason {
  const where = pack.pantry ?? "packs of no pantry";
  if (why === "none") {
    return {
      code: "CTXPACK_E_POLICY",
      message: `no rule of ${policy.file} is about ${where}${spokenTools(pack.tools)}, so it is refused`,
      hint: `add a rule to ${policy.file} if packs of it are to be used`,
    };
  }
  if (verified.length === 0 && refused.length === 0) {
    const message = `nobody vouches for this pack in ${where}, and ${policy.file} asks for it`;
    return { code: "CTXPACK_E_PROOF_MISSING", message, hint: "ctxpack attest signs it" };
  }
  return {
    code: "CTXPACK_E_POLICY",
    message: `the rules of ${policy.file} for ${where} hang on the tool, and no proof says which tool made this pack`,
    hint: "provenance by ctxpack says it; for other provenance write a rule without tools first",
  };
}

function spokenTools(tools: readonly string[] | undefined): string {
  if (tools === undefined) return "";
  // A run of an agent has none.
  return tools.length === 0 ? " and no tool" : ` and the tool ${tools.join(", ")}`;
}
