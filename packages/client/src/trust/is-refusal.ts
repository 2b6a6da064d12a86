import { CtxPackError } from "@ctxpack/identity";

/**
 * Whether a pack was refused: by a policy, or because its proof is missing or wrong. A trust root that is missing or
 * wrong says nothing of the pack: that is for the user to hear.
 */
export function isRefusal(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  if (error.code === "CTXPACK_E_PROOF_TRUST_ROOT") return false;
  return error.code === "CTXPACK_E_POLICY" || error.code.startsWith("CTXPACK_E_PROOF_");
}
