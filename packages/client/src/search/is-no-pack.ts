import { CtxPackError } from "@ctxpack/identity";
import { isRefusal } from "../trust/is-refusal.ts";

const NO_PACK: ReadonlySet<string> = new Set([
  "CTXPACK_E_PACK",
  "CTXPACK_E_CONTRACT",
  "CTXPACK_E_NOT_FOUND",
  // A manifest or config that none of ours may be as long as.
  "CTXPACK_E_TOO_LARGE",
]);

/**
 * Whether a tag was found to lead to no pack of ours, or to one that is refused: that is no candidate. Any other
 * failure, of settings or of the pantry, says nothing about the pack.
 */
export function isNoPack(error: unknown): boolean {
  return isRefusal(error) || (CtxPackError.isInstance(error) && NO_PACK.has(error.code));
}
