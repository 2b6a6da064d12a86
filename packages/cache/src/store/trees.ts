import type { OnProgress } from "@ctxpack/identity";

/** How a pack is handed out by path. */
export interface TreeOptions {
  /** Read and hash every file instead of looking at a sample of sizes and times. */
  readonly verify?: boolean;
  /** A folder with these files only (of a partial pack too). Paths as in the index. */
  readonly only?: (path: string) => boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}
