import { CtxPackError } from "@ctxpack/identity";
import { FileLock } from "@ctxpack/oci";
import type { MetricsSink } from "../metrics.ts";
import { makePrivateFolder } from "./files.ts";
import type { PinnedMirror } from "./mirror.ts";
import { type CachedState, isDenied, type TrustCache } from "./trust-cache.ts";
import { downloadTufState } from "./tuf-download.ts";

/** Whoever refreshes is waited for so long; then one refreshes for oneself alone. */
const LOCK_MS = 15_000;

export interface RefreshOptions {
  readonly mirror: PinnedMirror;
  readonly cache: TrustCache;
  /** what the caller had when it decided to refresh; another one on the disk will do as well. */
  readonly known: CachedState | undefined;
  readonly metrics: MetricsSink | undefined;
  readonly signal: AbortSignal;
}

/**
 * Gets a mirror's present state: one process at a time, the others wait and take what it got. Where the folder cannot be
 * written, or the lock not be had, the state is downloaded for this process alone, and not kept.
 *
 * @throws CtxPackError as `downloadTufState`.
 */
export async function refreshTrustRoot(options: RefreshOptions): Promise<CachedState> {
  const { cache, known, mirror, metrics, signal } = options;
  const lock = await lockFolder(cache, signal);
  try {
    const reading = lock === undefined ? undefined : await cache.read();
    if (reading?.kind === "state" && reading.fetchedAt !== known?.fetchedAt) {
      count(metrics, "shared");
      return reading;
    }
    if (reading?.kind === "corrupt") await cache.quarantine().catch(() => {});
    const base = reading?.kind === "state" ? reading.state : known?.state;
    const start = performance.now();
    const { verified, ...state } = await downloadTufState(mirror, base, signal);
    const took = performance.now() - start;
    metrics?.histogram("proof_artifacts.trust_root.refresh_ms", took);
    const fetched = { state, verified, fetchedAt: Date.now() };
    if (lock !== undefined) await keep(cache, fetched);
    count(metrics, "ok");
    return fetched;
  } catch (error) {
    count(metrics, "failed");
    throw error;
  } finally {
    lock?.release();
  }
}

function count(metrics: MetricsSink | undefined, outcome: "ok" | "shared" | "failed"): void {
  metrics?.counter("proof_artifacts.cache.refresh_count", { cache: "trust_root", outcome });
}

async function keep(cache: TrustCache, state: CachedState): Promise<void> {
  try {
    await cache.write(state);
  } catch (error) {
    if (!isDenied(error)) throw error;
  }
}

async function lockFolder(cache: TrustCache, signal: AbortSignal): Promise<FileLock | undefined> {
  try {
    await makePrivateFolder(cache.folder);
    return await FileLock.acquire(cache.lockFile, { waitMs: LOCK_MS, signal });
  } catch (error) {
    const unusable = CtxPackError.isInstance(error)
      ? LOCKLESS.includes(error.code)
      : isDenied(error);
    if (!unusable) throw error;
    return undefined;
  }
}

/** A folder that is read-only, a file system without locks, a holder that hangs: nothing of it makes a trust root wrong. */
const LOCKLESS: readonly string[] = [
  "CTXPACK_E_LOCKED",
  "CTXPACK_E_PERMISSION",
  "CTXPACK_E_UNSUPPORTED",
  "CTXPACK_E_LAYOUT",
  "CTXPACK_E_NO_SPACE",
];
