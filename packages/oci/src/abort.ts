/**
 * The items of `items` until `signal` is aborted, then throws its reason: also while the source
 * hangs and does not look at the signal itself. The source is told to close in every case.
 */
export async function* abortable<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  signal?.throwIfAborted();
  const iterator = items[Symbol.asyncIterator]();
  let fail: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => fail?.(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        fail = reject;
        iterator.next().then(resolve, reject);
      });
      signal?.throwIfAborted();
      ended = step.done === true;
      if (ended) return;
      yield step.value;
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!ended) await close(iterator, signal);
  }
}

/** A source that hangs in `next` would hang in `return` too: after an abort nobody waits for it. */
async function close(
  iterator: AsyncIterator<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const closed = Promise.resolve(iterator.return?.()).catch(() => {});
  if (signal?.aborted !== true) await closed;
}

/** The outcome of `promise`, or the signal's reason if that comes first; the promise goes on alone. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const done = (): void => signal.removeEventListener("abort", onAbort);
    void promise.then(resolve, reject).finally(done);
  });
}
