import { type Digest, sha256 } from "@ctxpack/identity";
import type { PinnedMirror } from "./mirror.ts";
import type { CachedState, TrustCache } from "./trust-cache.ts";

/**
 * How a trust root may be used. `fresh`: without asking. `stale`: while a newer one is got. `expired`: not at all.
 */
export type Freshness = "fresh" | "stale" | "expired";

/** What is known of a trust root that is kept. */
export interface TrustRootStatus {
  readonly name: string;
  readonly mirror: string;
  /** Where it is kept. */
  readonly folder: string;
  /** `corrupt`: damaged or changed, and got again when it is needed. `absent`: not got yet. */
  readonly state: Freshness | "corrupt" | "absent";
  /** Version of the TUF root. */
  readonly rootVersion?: number;
  readonly fetchedAt?: Date;
  readonly softExpiresAt?: Date;
  readonly hardExpiresAt?: Date;
  /** Of the trusted_root.json. */
  readonly digest?: Digest;
}

/** A clock that was set back less is none that was wrong, in milliseconds. */
const SKEW_MS = 60_000;

/** How a state may be used now; `ttlMs` is for how long without asking. */
export function freshnessOf(
  { fetchedAt, verified }: Pick<CachedState, "fetchedAt" | "verified">,
  ttlMs: number,
): Freshness {
  const now = Date.now();
  if (verified.expires.getTime() <= now) return "expired";
  const age = now - fetchedAt;
  // From the future: one of two clocks is wrong, and nobody knows how old it is.
  return age < -SKEW_MS || age >= ttlMs ? "stale" : "fresh";
}

/** Reads and verifies what is kept, and says what it is. */
export async function statusOf(
  mirror: PinnedMirror,
  cache: TrustCache,
  ttlMs: number,
): Promise<TrustRootStatus> {
  const common = { name: mirror.name, mirror: mirror.url.href, folder: cache.folder };
  const reading = await cache.read();
  if (reading.kind !== "state") return { ...common, state: reading.kind };
  const { verified, fetchedAt, state } = reading;
  return {
    ...common,
    state: freshnessOf(reading, ttlMs),
    rootVersion: verified.rootVersion,
    fetchedAt: new Date(fetchedAt),
    softExpiresAt: new Date(fetchedAt + ttlMs),
    hardExpiresAt: verified.expires,
    digest: sha256(state.target),
  };
}
