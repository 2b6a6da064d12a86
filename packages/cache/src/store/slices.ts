import { setImmediate as turn } from "node:timers/promises";

/** The event loop gets a turn at least this often, in milliseconds. */
const SLICE_MS = 10;

/** To be awaited between small steps: lets the event loop turn when it is time. It throws `signal.reason`. */
export function slices(signal: AbortSignal | undefined): () => Promise<void> {
  let ends = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < ends) return;
    await turn();
    signal?.throwIfAborted();
    ends = performance.now() + SLICE_MS;
  };
}

/** Drives small synchronous steps to their end, with `rest` between them; steps that are given up are closed. */
export async function inSlices<T>(
  steps: Generator<unknown, T, void>,
  rest: () => Promise<void>,
): Promise<T> {
  try {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await rest();
    }
  } finally {
    steps.return(undefined as never);
  }
}
