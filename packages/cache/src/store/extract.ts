import type { OnProgress } from "@ctxpack/identity";

/** What is copied out of the store. */
export interface ExtractOptions {
  /** Only these files. Paths as in the index. */
  readonly only?: (path: string) => boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}
