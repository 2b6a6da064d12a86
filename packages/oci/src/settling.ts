/**
 * Looks that are still to come, at what others may have overwritten meanwhile. A registry cannot compare and swap, so
 * a write there is looked at again after a while; whoever writes more than once waits for all of them together.
 */
export interface Settling {
  /** Ends them, when nobody needs what was written any more. */
  readonly signal: AbortSignal;
  /** Hands over what an operation would have waited for. */
  add(look: Promise<void>): void;
}

/**
 * Does work whose writes are looked at again later, and ends when all of them have been. Throws what the work throws,
 * then what the first failing look does.
 */
export async function settleTogether<T>(work: (settling: Settling) => Promise<T>): Promise<T> {
  const looks: Promise<void>[] = [];
  const failed = new AbortController();
  const add = (look: Promise<void>): void => {
    // It may fail before anybody waits for it.
    look.catch(() => {});
    looks.push(look);
  };
  let result: T;
  try {
    result = await work({ add, signal: failed.signal });
  } catch (error) {
    failed.abort(error);
    // Nothing goes on behind the caller's back.
    await Promise.allSettled(looks);
    throw error;
  }
  await Promise.allSettled(looks);
  await Promise.all(looks);
  return result;
}
