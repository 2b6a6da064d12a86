import type { MessagePort } from "node:worker_threads";
import type { OnProgress, ProgressEvent } from "@ctxpack/identity";
import { Store } from "../store.ts";
import { faultOf } from "./fault.ts";
import type { SeedThreadAnswer, SeedThreadData, SeedThreadJob } from "./seed-thread.ts";

/** Of one phase no more than one event in so many milliseconds is worth a message. */
const SPACING_MS = 20;

/** Makes one pack, with a view of the store that is this thread's own, and says what came of it. */
export async function makeSeed(port: MessagePort, data: SeedThreadData): Promise<void> {
  const stop = new AbortController();
  port.on("message", (_: SeedThreadJob) => stop.abort());
  const answer = (what: SeedThreadAnswer): void => port.postMessage(what);
  try {
    const { signal } = stop;
    await using store = await Store.open(data.store, {
      blocking: true,
      // Whoever started this thread keeps it.
      budget: Number.POSITIVE_INFINITY,
      signal,
    });
    const { profile, name, outputs, replace, isWatched } = data;
    const onProgress = isWatched ? spaced((progress) => answer({ progress })) : undefined;
    const options = { profile, name, outputs, replace, signal, onProgress };
    const result = await store.seed(data.dir, data.contract, options);
    answer({ result });
  } catch (error) {
    answer({ fault: faultOf(error) });
  }
}

function spaced(report: OnProgress): OnProgress {
  let phase: ProgressEvent["phase"] | undefined;
  let next = 0;
  return (event) => {
    const now = performance.now();
    const isLast = event.done === event.total;
    if (event.phase === phase && now < next && !isLast) return;
    phase = event.phase;
    next = now + SPACING_MS;
    report(event);
  };
}
