import { CtxPackError } from "@ctxpack/identity";
import type { Reason, Verdict } from "./verdict.ts";

/** The error for a pack that was refused: code and words of the weightiest reason, with the verdict. */
export function verdictError(verdict: Verdict & { readonly failure: Reason }): CtxPackError {
  const { failure, pack } = verdict;
  return new CtxPackError(failure.code, failure.message, {
    hint: failure.hint,
    details: { uri: pack.uri, verdict },
  });
}
