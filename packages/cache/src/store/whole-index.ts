import { closeSync, openSync } from "node:fs";
import type { PackSummary } from "../pack/index.ts";
import { readFully, writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { onDisk } from "./disk.ts";
import type { Parts } from "./parts.ts";

/** Entries from which on the index and what it is made from are too large to be held side by side. */
export const MANY = 100_000;

/** The index of a pack in one piece. What it was made from is given back: `summary` and its listing have no rows after. */
export function wholeIndex(parts: Parts, summary: PackSummary, entries: number): Uint8Array {
  const index = entries < MANY ? summary.indexBytes() : byFile(parts, summary);
  summary.clear();
  return index;
}

/** By way of the disk, or of the memory that the system does without when it has to. */
function byFile(parts: Parts, summary: PackSummary): Uint8Array {
  const path = parts.workspace.path();
  return onDisk("writing", path, () => {
    const fd = openSync(path, "wx+", 0o600);
    try {
      let size = 0;
      for (const chunk of summary.indexChunks()) {
        writeFully(fd, chunk);
        size += chunk.length;
      }
      summary.clear();
      const index = Buffer.allocUnsafeSlow(size);
      if (readFully(fd, index, 0) === size) return index;
      throw new RangeError(`a file of ${size} bytes ended early`);
    } finally {
      closeSync(fd);
      clear(path);
    }
  });
}
