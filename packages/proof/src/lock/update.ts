import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileLock } from "@ctxpack/oci";
import { systemError } from "../file/system-error.ts";
import type { Lock } from "./lock.ts";
import { type LockFileOptions, readLock, writeLock } from "./write.ts";

/** A change takes milliseconds; who waits this long waits for a stopped process. */
const PATIENCE_MS = 10_000;

/**
 * Changes a lock file as it is now: what others write at the same time stays. They wait for each other on an empty file
 * beside it, `.NAME.lock`, which is left there.
 *
 * @throws CtxPackError as `readLock` and `writeLock`; `CTXPACK_E_LOCKED` when another process does not let go.
 */
export async function updateLock(
  file: string,
  change: (lock: Lock) => Lock,
  options: LockFileOptions = {},
): Promise<Lock> {
  const { signal } = options;
  signal?.throwIfAborted();
  const target = await realpath(file).catch(() => file);
  // Of a missing folder SQLite says only that it cannot open the file.
  const folder = await realpath(dirname(target)).catch((error: unknown) => {
    throw systemError(error, dirname(target));
  });
  const beside = join(folder, `.${basename(target)}.lock`);
  const held = await FileLock.acquire(beside, { waitMs: PATIENCE_MS, signal });
  try {
    const lock = change(await readLock(file, options));
    await writeLock(lock, options);
    return lock;
  } finally {
    held.release();
  }
}
