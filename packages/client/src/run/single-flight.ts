import { setTimeout as pause } from "node:timers/promises";
import type { Claim, Store } from "@ctxpack/cache";
import type { CtxUri } from "@ctxpack/identity";
import { endGroup } from "./group.ts";

const FIRST_LOOK_MS = 20;
const MOST_MS = 250;

/** What one process waits for while another computes. */
export interface Flight<Found> {
  /** Asked again and again, and once more when it is our turn; what it finds ends the wait. */
  look(): Promise<Found | undefined>;
  /** Called once, with the process that computes. */
  onWaiting(pid: number): void;
  readonly signal: AbortSignal;
}

/**
 * Waits until a result is there, or it is our turn to compute it: one process of a store does so at a time. Whoever
 * finds that the one before is gone first ends what is left of its process group.
 */
export async function singleFlight<Found>(
  store: Store,
  uri: CtxUri,
  { look, onWaiting, signal }: Flight<Found>,
): Promise<{ readonly claim: Claim } | { readonly found: Found }> {
  let isTold = false;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 1.5, MOST_MS)) {
    const claim = await store.claim(uri, { signal });
    if (claim.held) return await ours(claim, look);
    if (!isTold) onWaiting(claim.pid);
    isTold = true;
    // Not all at the same instant.
    await pause(wait * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return { found };
  }
}

async function ours<Found>(
  claim: Claim,
  look: () => Promise<Found | undefined>,
): Promise<{ readonly claim: Claim } | { readonly found: Found }> {
  try {
    for (const group of claim.abandoned) await endGroup(group);
    const found = await look();
    if (found === undefined) return { claim };
    await claim.release();
    return { found };
  } catch (error) {
    await claim.release();
    throw error;
  }
}
