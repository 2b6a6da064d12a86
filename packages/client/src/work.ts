import type { OnProgress } from "@ctxpack/identity";

/** What every operation takes: an aborted one throws `signal.reason`. */
export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The same with nothing left out, so that it can be handed on as it is. */
export interface Work {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Fills in what the caller left out: a signal that never fires, a listener that does nothing. */
export function workOf(options: WorkOptions): Work {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  return { signal, onProgress: options.onProgress ?? (() => {}) };
}
