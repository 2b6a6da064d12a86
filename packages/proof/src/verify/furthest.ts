import type { CtxPackError } from "@ctxpack/identity";
import { PROOF_STEPS, type ProofErrorCode } from "./failure.ts";

/** Of several refusals the one that got furthest: it says most about what is wrong. */
export function furthest(refusals: readonly CtxPackError[]): CtxPackError | undefined {
  let found: CtxPackError | undefined;
  for (const refusal of refusals) {
    if (found === undefined || stepOf(refusal) > stepOf(found)) found = refusal;
  }
  return found;
}

function stepOf(refusal: CtxPackError): number {
  return PROOF_STEPS.indexOf(refusal.code as ProofErrorCode);
}
