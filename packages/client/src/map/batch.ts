/** Items that share a command: as many as asked, but so that every one of the commands at a time has some. */
export function batches<T>(
  tasks: readonly T[],
  { batch, parallel }: { readonly batch: number; readonly parallel: number },
): readonly (readonly T[])[] {
  const size = Math.max(1, Math.min(batch, Math.ceil(tasks.length / parallel)));
  const all: (readonly T[])[] = [];
  for (let at = 0; at < tasks.length; at += size) all.push(tasks.slice(at, at + size));
  return all;
}

/**
 * Does the work for each batch, `parallel` at a time, until one says false or throws. What is under way then is waited
 * for, and the first thing thrown is thrown.
 */
export async function inParallel<T>(
  all: readonly T[],
  parallel: number,
  work: (one: T) => Promise<boolean>,
): Promise<void> {
  const rest = all[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  let isOver = false;
  const worker = async (): Promise<void> => {
    for (const one of rest) {
      if (isOver) return;
      try {
        if (!(await work(one))) isOver = true;
      } catch (error) {
        failure ??= { error };
        isOver = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, all.length) }, worker));
  if (failure !== undefined) throw failure.error;
}
