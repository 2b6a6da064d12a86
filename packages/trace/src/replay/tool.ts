import type { Digest, JsonValue } from "@ctxpack/identity";
import type { Verdict } from "./report.ts";
import type { Workspace } from "./workspace.ts";

/** What a tool may take while it is executed again. */
export interface ReplayLimits {
  /** Of one call, in ms. Default 60,000. */
  readonly timeoutMs: number;
  /** Of a call's result, and of a file that is read or written, in bytes. Default 16 MiB. */
  readonly maxBytes: number;
  /** Of all files of the workspace, in bytes. Default 256 MiB. */
  readonly maxWorkspace: number;
}

export const REPLAY_LIMITS: ReplayLimits = {
  timeoutMs: 60_000,
  maxBytes: 16 * 1024 * 1024,
  maxWorkspace: 256 * 1024 * 1024,
};

/** A recorded call that is to be made again. */
export interface ReplayCall {
  readonly name: string;
  /** As recorded; a number that a double does not hold is `{"$number":"…"}`. */
  readonly args: JsonValue;
  readonly workspace: Workspace;
  readonly limits: ReplayLimits;
  /** Aborted when the time is over or the replay is given up. */
  readonly signal: AbortSignal;
}

/** What came of a call. */
export interface ReplayOutcome {
  /** The result as text. Several: ways in which tools of this name write the same result; one of them has to match. */
  readonly texts: readonly string[];
  /**
   * Whether only what the call did counts, not what it said about it: the words of tools that write files differ, the
   * files may not.
   */
  readonly isEffect?: boolean | undefined;
  /** With `isEffect`: the file of the workspace that it wrote, and what that holds now when the call itself says so. */
  readonly wrote?: { readonly name: string; readonly digest?: Digest | undefined } | undefined;
  /** Whether the tool says that it failed. */
  readonly isError?: boolean | undefined;
}

/**
 * A tool that a replay may execute. A function of this process can only be asked to stop, by `signal`: what comes from
 * strangers belongs into a {@link commandTool}, which can be ended.
 */
export interface ReplayTool {
  /** The names that it has in runs. */
  readonly names: readonly string[];
  /** Whether the same call gives the same result, where the record does not say. */
  readonly determinism?: "yes" | "no" | undefined;
  /** @throws ToolEnd for a call that it does not carry out; any other error is a failure of the tool. */
  run(call: ReplayCall): Promise<ReplayOutcome>;
}

/** Ends a call with a verdict. */
export class ToolEnd extends Error {
  readonly verdict: Extract<
    Verdict,
    "refused" | "unavailable" | "failed" | "timed-out" | "too-large"
  >;

  constructor(verdict: ToolEnd["verdict"], message: string) {
    super(message);
    this.verdict = verdict;
  }
}
