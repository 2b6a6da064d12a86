import { setTimeout as delay } from "node:timers/promises";
import type { RetryPolicy } from "./settings.ts";

/** Statuses that may be others the next time (RFC 9110 §15, and two of a CDN). */
const RETRYABLE: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 522, 524]);

export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/**
 * Milliseconds to wait from now as a `Retry-After` says: seconds or a date (RFC 9110 §10.2.3).
 * `undefined` for anything else.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Z][a-z]{2},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

/** Milliseconds before request number `attempt` + 1: doubled each time, at random up to a tenth more. */
export function backoff(policy: RetryPolicy, attempt: number): number {
  const plain = Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1));
  return plain * (1 + Math.random() / 10);
}

/** Waits; an abort ends it with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  try {
    await delay(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
