import type { OnProgress } from "@ctxpack/identity";

/** Makes one progress of several that go on at the same time: each call gives the receiver for one more. */
export function combinedProgress(onProgress: OnProgress | undefined): () => OnProgress | undefined {
  if (onProgress === undefined) return () => undefined;
  let done = 0;
  let total = 0;
  return () => {
    let last = { done: 0, total: 0 };
    return (event) => {
      const now = { done: event.done, total: event.total ?? 0 };
      done += now.done - last.done;
      total += now.total - last.total;
      last = now;
      onProgress({ ...event, done, total });
    };
  };
}
