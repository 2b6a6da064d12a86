import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface WriteOptions {
  /** Who may read it; 0666 less the umask. */
  readonly mode?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Times that a rename is tried: on Windows somebody who reads the file stands in its way. */
const RENAMES = 5;

const TEMPORARY = ".tmp-";

/** Whether a name is one of a file that `writeWhole` had not finished. */
export function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

/**
 * Puts a file in its place at once and for good: written beside it, on the disk, then renamed. Throws what the system
 * says, and `signal.reason`.
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string,
  { mode = 0o666, signal }: WriteOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const temporary = join(dirname(path), `${TEMPORARY}${randomUUID()}`);
  try {
    {
      await using file = await open(temporary, "wx", mode);
      await file.writeFile(bytes);
      await file.sync();
    }
    signal?.throwIfAborted();
    await renameOver(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function renameOver(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "EPERM" && code !== "EBUSY") || tries === RENAMES) throw error;
      await sleep(10 * tries);
    }
  }
}
