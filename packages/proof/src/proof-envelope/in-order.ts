/**
 * Does `work` for each item, at most `concurrency` at the same time, and yields the results in the items' order. No more
 * items are taken than are worked on, so neither a long list nor a slow reader fills the memory.
 */
export async function* mapInOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // It is awaited in its turn; until then nobody has to handle a failure.
      result.catch(() => {});
      running.push(result);
      if (running.length >= concurrency) yield await (running.shift() as Promise<R>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(running);
  }
}
