import { closeSync, fsyncSync, openSync } from "node:fs";
import { writeFully } from "./blobs.ts";

/** Writes a whole file whose content is on disk when this returns; whether its name is, the folder's `syncFolder` says. */
export function writeSynced(path: string, text: string): void {
  const fd = openSync(path, "w", 0o644);
  try {
    writeFully(fd, Buffer.from(text));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
