import type { Digest } from "@ctxpack/identity";
import type { SeenKey, SeenPack } from "./verdict.ts";

/** What was accepted last. */
export interface LastSeen {
  readonly time: Date;
  readonly manifest: Digest;
}

/**
 * The memory against rollback: the newest time that was accepted by policy, pantry and contract or name.
 * Without it a registry could go back to any pack that was once signed.
 */
export interface SeenTimes {
  /** What was accepted last; `undefined` for nothing. */
  last(key: SeenKey): LastSeen | undefined;
  /** Remembers what was accepted; what is older than what is remembered changes nothing. */
  record(seen: readonly SeenPack[], options?: { readonly signal?: AbortSignal }): Promise<void>;
}
