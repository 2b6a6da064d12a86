import { CtxPackError } from "@ctxpack/identity";

/** Whether a pack was refused: by a policy, or because its proof is missing or wrong. */
export function isRefusal(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  return error.code === "CTXPACK_E_POLICY" || error.code.startsWith("CTXPACK_E_PROOF_");
}
