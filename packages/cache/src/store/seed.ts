import type { OnProgress } from "@ctxpack/identity";
import type { PackRecord } from "./record.ts";

/** How a folder becomes a pack. */
export interface SeedOptions {
  /** Ten times as many, smaller segments. */
  readonly profile?: "fine";
  /** A label for people; no part of identity. */
  readonly name?: string;
  /** Put this output in place of another one of the same contract. */
  readonly replace?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** What seeding did. */
export interface SeedResult {
  readonly record: PackRecord;
  /** False when the store already held this output for this contract. */
  readonly created: boolean;
  readonly segments: { readonly total: number; readonly new: number };
  /** `raw`: length of the tar; `stored`: bytes of blobs that were written, compressed. */
  readonly bytes: { readonly raw: number; readonly stored: number };
  /** One sentence each, for a person: names that some file systems fold together. */
  readonly warnings: readonly string[];
}
