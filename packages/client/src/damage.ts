import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";

const DAMAGE: readonly CtxPackErrorCode[] = [
  "CTXPACK_E_DIGEST_MISMATCH",
  "CTXPACK_E_SIZE_MISMATCH",
  "CTXPACK_E_STORE_DAMAGED",
];

/** Whether the store holds something that is not what it says: fetching or computing it again may help. */
export function isDamage(error: unknown): error is CtxPackError {
  return CtxPackError.isInstance(error) && DAMAGE.includes(error.code);
}

/** What reading a pack of the store comes to when it is damaged, or gone: nothing. Throws every other failure. */
export function unlessDamaged(error: unknown): undefined {
  if (isDamage(error)) return;
  if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return;
  throw error;
}
