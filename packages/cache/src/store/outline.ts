import { realpathSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { OnProgress } from "@ctxpack/identity";
import { IndexReader, packSteps } from "../pack/index.ts";
import { onDisk } from "./disk.ts";
import { FileReader } from "./reader.ts";
import { scan } from "./scan.ts";

export interface OutlineOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * The index that a folder would have as a pack: every file is read and hashed, nothing is written. Throws
 * `CTXPACK_E_TREE` for what cannot be in a pack or changes while it is read.
 */
export async function outline(dir: string, options: OutlineOptions = {}): Promise<IndexReader> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const scanned = await scan(
    onDisk("reading", dir, () => realpathSync(dir)),
    { signal },
  );
  const reader = new FileReader(scanned);
  const total = scanned.listing.bytes;
  const steps = packSteps(scanned.listing, reader);
  try {
    for (;;) {
      const { done, value } = steps.next();
      if (done) {
        scanned.unchanged();
        return IndexReader.open(value.indexBytes());
      }
      if (value.kind === "hashed") {
        onProgress?.({ phase: "hash", unit: "bytes", done: value.bytes, total });
      }
      await turn();
      signal?.throwIfAborted();
    }
  } finally {
    reader.release();
  }
}
