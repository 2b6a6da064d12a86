import { CtxPackError } from "@ctxpack/identity";
import { attemptsAfter, isNetworkError } from "./network-error.ts";
import { hasFault, statusOf } from "./registry-error.ts";
import { isRetryableStatus } from "./retry.ts";
import type { RetryPolicy } from "./settings.ts";

/** Words that a registry without the right status (GHCR: 416) has for a body that is too large. */
const TOO_LARGE = /too large|exceeds|maximum permissible/i;

/** Whether the body is what was refused: a smaller one may be taken. */
export function isTooLarge(error: unknown): boolean {
  const status = statusOf(error);
  if (status === 413) return true;
  return status === 416 && TOO_LARGE.test((error as CtxPackError).message);
}

/** Whether the session is gone, and a new one may do. A repository that is not there is another matter. */
export function isSessionLost(error: unknown): boolean {
  if (hasFault(error, "NAME_UNKNOWN", "NAME_INVALID")) return false;
  return (
    statusOf(error) === 404 ||
    hasFault(error, "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_NOT_FOUND")
  );
}

/** Whether what arrived was not what was announced. */
export function isWrongContent(error: unknown): boolean {
  return statusOf(error) === 400 && hasFault(error, "DIGEST_INVALID", "SIZE_INVALID");
}

/** How often a request may have failed like this in all; `undefined`: it would fail again. */
export function mostAttempts(error: unknown, policy: RetryPolicy): number | undefined {
  if (isNetworkError(error)) {
    const most = attemptsAfter((error as CtxPackError).cause);
    return Math.min(policy.attempts, most ?? policy.attempts);
  }
  const status = statusOf(error);
  const again = (status !== undefined && isRetryableStatus(status)) || isLimit(error);
  return again ? policy.attempts : undefined;
}

function isLimit(error: unknown): boolean {
  return hasFault(error, "TOOMANYREQUESTS");
}

/** The error of a blob that could not be stored: where, which one, why. */
export function uploadError(error: unknown, address: string, digest: string): unknown {
  if (!CtxPackError.isInstance(error)) return error;
  return new CtxPackError(
    error.code,
    `${address}: blob ${digest} was not stored: ${error.message}`,
    {
      hint: error.hint,
      cause: error,
      details: { ...error.details, digest },
    },
  );
}
