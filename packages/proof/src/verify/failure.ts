import type { CtxPackErrorCode } from "@ctxpack/identity";

/** The steps of verification that a bundle or a pack can fail, in the order in which they are taken. */
export const PROOF_STEPS = [
  "CTXPACK_E_PROOF_MISSING",
  "CTXPACK_E_PROOF_BUNDLE",
  "CTXPACK_E_PROOF_TRUST_ROOT",
  "CTXPACK_E_PROOF_TIMESTAMP",
  "CTXPACK_E_PROOF_KEY",
  "CTXPACK_E_PROOF_CERTIFICATE",
  "CTXPACK_E_PROOF_LOG",
  "CTXPACK_E_PROOF_SIGNATURE",
  "CTXPACK_E_PROOF_STATEMENT",
  "CTXPACK_E_PROOF_SUBJECT",
  "CTXPACK_E_PROOF_SIGNER",
  "CTXPACK_E_PROOF_PREDICATE",
  "CTXPACK_E_PROOF_BUILDER",
  "CTXPACK_E_PROOF_CONTRACT",
  "CTXPACK_E_PROOF_PARAMETERS",
  "CTXPACK_E_PROOF_STALE",
  "CTXPACK_E_PROOF_ROLLBACK",
  "CTXPACK_E_PROOF_REVOKED",
  "CTXPACK_E_PROOF_DEPENDENCY",
  "CTXPACK_E_PROOF_THRESHOLD",
  "CTXPACK_E_PROOF_PIN",
  "CTXPACK_E_POLICY",
] as const;

/** Why a bundle does not count or a pack is refused; each ends a command with exit code 6. */
export type ProofErrorCode = (typeof PROOF_STEPS)[number];

/** Whether a code is one of a refusal: a proof is missing, wrong, or not enough for a policy. */
export function isProofError(code: CtxPackErrorCode): code is ProofErrorCode {
  const steps: readonly CtxPackErrorCode[] = PROOF_STEPS;
  return steps.includes(code);
}
