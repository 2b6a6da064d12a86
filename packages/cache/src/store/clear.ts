import { chmodSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { systemCode } from "./disk.ts";

/**
 * Removes a file or folder of ours, read-only folders included (`rm` cannot: a folder without the
 * owner's write bit keeps its entries). What is gone already is no error: two processes may clear the
 * same thing.
 */
export function clear(path: string): void {
  try {
    unlinkSync(path);
    return;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return;
    // A folder: EISDIR on Linux, EPERM elsewhere.
    if (code !== "EISDIR" && code !== "EPERM") throw error;
  }
  clearFolder(path);
}

function clearFolder(path: string): void {
  try {
    chmodSync(path, 0o700);
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
      // Names are ours, hence UTF-8.
      const child = `${path}/${entry.name.toString()}`;
      if (entry.isDirectory()) clearFolder(child);
      else clear(child);
    }
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
