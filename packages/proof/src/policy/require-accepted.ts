import { CtxPackError } from "@ctxpack/identity";
import type { Verdict } from "./verdict.ts";

/**
 * Goes on only with a pack that may be used.
 *
 * @throws CtxPackError with the code and the words of the weightiest reason; `details.verdict` has all of them.
 */
export function requireAccepted(verdict: Verdict): void {
  const { failure, pack } = verdict;
  if (failure === undefined) return;
  throw new CtxPackError(failure.code, failure.message, {
    hint: failure.hint,
    details: { uri: pack.uri, verdict },
  });
}
