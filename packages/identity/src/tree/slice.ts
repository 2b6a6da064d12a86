import { setImmediate } from "node:timers/promises";

/** How long synchronous work may keep the event loop from turning, in milliseconds. */
export const SLICE_MS = 10;

/**
 * Drives synchronous steps to their end and lets the event loop turn every 10 ms, so that timers,
 * sockets and abort signals live on while a tree is hashed. A promise that a step yields is waited for
 * before the next one. Steps that are given up are closed.
 *
 * @throws `signal.reason` when aborted, and what the steps throw.
 */
export async function runSliced<T>(
  steps: Generator<unknown, T, void>,
  options: { readonly signal?: AbortSignal | undefined; readonly onSlice?: () => void },
): Promise<T> {
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const end = performance.now() + SLICE_MS;
      do {
        const step = steps.next();
        if (step.done === true) return step.value;
        if (step.value instanceof Promise) await step.value;
      } while (performance.now() < end);
      options.onSlice?.();
      await setImmediate();
    }
  } finally {
    // Runs the `finally` blocks of steps that did not end: files they hold open are closed.
    steps.return(undefined as never);
  }
}
