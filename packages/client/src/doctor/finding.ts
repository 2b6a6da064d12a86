import type { CtxPackErrorCode } from "@ctxpack/identity";

/** One thing that was looked at. */
export interface Finding {
  readonly area: "machine" | "configuration" | "store" | "trust" | "pantry";
  /** What it is about, where there are several: a pantry's address, a file. */
  readonly subject?: string;
  readonly state: "ok" | "warning" | "problem";
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Of a problem: the error that a command would end with. */
  readonly code?: CtxPackErrorCode;
}
