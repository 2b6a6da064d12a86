import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rename } from "@ctxpack/oci";

export interface WriteOptions {
  /** Who may read it; 0666 less the umask. */
  readonly mode?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

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
    rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
