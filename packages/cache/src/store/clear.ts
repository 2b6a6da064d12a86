import { chmodSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { systemCode } from "./disk.ts";

const SLASH = Buffer.from("/");

/**
 * Removes a file or folder, read-only folders included (`rm` cannot: a folder without the owner's write
 * bit keeps its entries). What is gone already is no error: two processes may clear the same thing.
 */
export function clear(path: string | Buffer): void {
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

function clearFolder(path: string | Buffer): void {
  try {
    chmodSync(path, 0o700);
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
      // Of what lies in the trash nobody knows that names are UTF-8.
      const child = Buffer.concat([Buffer.from(path), SLASH, entry.name]);
      if (entry.isDirectory()) clearFolder(child);
      else clear(child);
    }
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
