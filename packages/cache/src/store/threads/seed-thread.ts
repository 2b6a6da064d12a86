import type { ProgressEvent } from "@ctxpack/identity";
import type { SeedOptions, SeedResult } from "../seed.ts";
import { errorOf, type Fault } from "./fault.ts";
import { Thread } from "./thread.ts";

/** What a thread is told when it starts. */
export interface SeedThreadData {
  /** The store's folder. */
  readonly store: string;
  readonly dir: string;
  readonly contract: Uint8Array;
  readonly profile: SeedOptions["profile"];
  readonly name: string | undefined;
  readonly outputs: readonly string[] | undefined;
  readonly replace: boolean | undefined;
  /** Somebody wants to hear of progress. */
  readonly isWatched: boolean;
}

/** The one thing it can be told later: to stop. */
export interface SeedThreadJob {
  readonly stop: true;
}

export interface SeedThreadAnswer {
  readonly progress?: ProgressEvent;
  readonly result?: SeedResult;
  readonly fault?: Fault;
}

/**
 * `seed` of a store, in a thread; `undefined` when none can be started, or it was lost: what it has stored is stored,
 * and the caller makes the pack. Throws what it throws.
 */
export async function seedInThread(
  work: { readonly store: string; readonly dir: string; readonly contract: Uint8Array },
  options: SeedOptions,
): Promise<SeedResult | undefined> {
  const { profile, name, outputs, replace, signal, onProgress } = options;
  const outcome = Promise.withResolvers<SeedResult | undefined>();
  const data: SeedThreadData = {
    ...work,
    profile,
    name,
    outputs,
    replace,
    isWatched: onProgress !== undefined,
  };
  const thread = new Thread<SeedThreadJob, SeedThreadAnswer>("seed", data, {
    onMessage({ progress, result, fault }) {
      if (progress) onProgress?.(progress);
      if (result) outcome.resolve(result);
      if (fault) outcome.reject(signal?.aborted ? signal.reason : errorOf(fault));
    },
    onLost: () => outcome.resolve(undefined),
  });
  const stop = (): void => thread.post({ stop: true });
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await outcome.promise;
  } finally {
    signal?.removeEventListener("abort", stop);
    await thread.end();
  }
}
