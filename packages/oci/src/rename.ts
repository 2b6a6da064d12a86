import { renameSync } from "node:fs";
import { errorCode } from "./disk.ts";

/** What Windows says of a file that an indexer or a virus scanner looks at just now, and of one that may not be moved. */
const BUSY: ReadonlySet<string | undefined> = new Set(["EPERM", "EACCES", "EBUSY"]);

/** How long is waited before it is tried again, in milliseconds. */
const WAITS_MS = [1, 5, 25, 125, 500];

/** What a test replaces. */
interface RenameOptions {
  readonly platform?: NodeJS.Platform;
  readonly move?: typeof renameSync;
}

/**
 * Renames a file or folder, as `renameSync` does. On Windows what somebody has open cannot be renamed, and is mostly
 * open for a moment only: it is tried again for up to two thirds of a second. Throws the system's error.
 */
export function rename(from: string, to: string, options: RenameOptions = {}): void {
  const { platform = process.platform, move = renameSync } = options;
  for (const ms of platform === "win32" ? WAITS_MS : []) {
    try {
      move(from, to);
      return;
    } catch (error) {
      if (!BUSY.has(errorCode(error))) throw error;
      pause(ms);
    }
  }
  move(from, to);
}

/** Blocks: half of a rename is nothing that others could go on with. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
