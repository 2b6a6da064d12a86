import { chmodSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { systemCode } from "./disk.ts";

const SLASH = Buffer.from("/");

/**
 * Removes a file or folder, read-only folders included (`rm` cannot: a folder without the owner's write
 * bit keeps its entries). What is gone already is no error: two processes may clear the same thing.
 */
export function clear(path: string | Buffer): void {
  for (const _ of clearing(path));
}

/** `clear` in small steps, for a folder that may hold very much. */
export function* clearing(path: string | Buffer): Generator<void, void, void> {
  try {
    unlinkSync(path);
    return;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return;
    // A folder: EISDIR on Linux, EPERM elsewhere.
    if (code !== "EISDIR" && code !== "EPERM") throw error;
  }
  yield* clearingFolder(path);
}

function* clearingFolder(path: string | Buffer): Generator<void, void, void> {
  try {
    chmodSync(path, 0o700);
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
      // Of what lies in the trash nobody knows that names are UTF-8.
      const child = Buffer.concat([Buffer.from(path), SLASH, entry.name]);
      if (entry.isDirectory()) yield* clearingFolder(child);
      else yield* clearing(child);
      yield;
    }
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
