import type { CtxUri, Digest } from "@ctxpack/identity";
import type { StepKind } from "../run/step.ts";

/** The ways to replay a run. */
export const REPLAY_MODES = ["audit", "tape", "tools"] as const;

/**
 * `audit` executes nothing and checks that the run is whole; `tape` serves recorded results to a live agent; `tools`
 * executes tool calls again.
 */
export type ReplayMode = (typeof REPLAY_MODES)[number];

/** What came of a step. */
export const VERDICTS = [
  /** The same result; in an audit: everything is there; on a tape: asked for and served. */
  "matched",
  /** Another result. */
  "diverged",
  /** Another result of a call that is known to be not deterministic. */
  "expected",
  /** Not executed: nobody allowed it. */
  "skipped",
  /** Nothing to execute, serve or compare with: the record or this machine does not have it. */
  "unavailable",
  /** On the tape, and the live agent did not ask for it. */
  "unconsumed",
  /** Would have left its workspace, or is not a call that its tool takes. */
  "refused",
  /** Failed, where the record says it went well. */
  "failed",
  "timed-out",
  /** Wrote more than it may. */
  "too-large",
  /** The pack does not hold what it says it holds. */
  "damaged",
] as const;

export type Verdict = (typeof VERDICTS)[number];

/** What was done about a step. What was served was not executed, and is never counted as if it were. */
export type ReplayDeed = "checked" | "served" | "executed";

/** A result in a report: enough to see what it was. */
export interface ReplayValue {
  readonly digest: Digest;
  /** In bytes of UTF-8. */
  readonly size: number;
  /** The first 256 characters, without secrets. */
  readonly text: string;
}

/** What came of one step. */
export interface StepReplay {
  readonly seq: number;
  readonly kind: StepKind;
  readonly name?: string;
  readonly verdict: Verdict;
  /** Missing when nothing was done. */
  readonly deed?: ReplayDeed;
  readonly reason?: string;
  /** What the record has, and what there was instead. */
  readonly expected?: ReplayValue;
  readonly actual?: ReplayValue;
}

/** A call of a live agent that the tape does not hold. */
export interface UnrecordedCall {
  /** From 0: its place among the calls that the agent made. */
  readonly index: number;
  readonly name: string;
  readonly arguments: ReplayValue;
  readonly reason: string;
}

/** What an output of the run is after its tools were executed again. */
export interface OutputReplay {
  readonly name: string;
  readonly verdict: "matched" | "diverged" | "unavailable";
  readonly expected: Digest;
  /** Missing when there is no such file. */
  readonly actual?: Digest;
}

/** A content of the run head that the pack does not hold as it says. */
export interface DamagedContent {
  /** JSON pointer into the head. */
  readonly pointer: string;
  readonly reason: string;
}

/** Something of the environment that is not as it was. */
export interface EnvironmentDrift {
  /** `os`, `arch`, `runtime`, `image`, `tools/<name>`. */
  readonly member: string;
  readonly expected: string;
  /** Missing when it is not known here, or not there. */
  readonly actual?: string;
}

/** How true a replay was to its run. */
export const FIDELITIES = ["exact", "degraded", "failed", "empty"] as const;

/**
 * `exact`: all there was to do was done, with the same results. `degraded`: some results differ, or some of it was not
 * done. `failed`: something could not be done as recorded. `empty`: nothing was done at all.
 */
export type Fidelity = (typeof FIDELITIES)[number];

/** What a replay found; its JSON Schema is `schemas/replay.v1.json`. */
export interface ReplayReport {
  readonly schemaVersion: 1;
  readonly run: CtxUri;
  readonly mode: ReplayMode;
  readonly fidelity: Fidelity;
  /** Number of steps by verdict; verdicts that no step has are left out. */
  readonly counts: Readonly<Partial<Record<Verdict, number>>>;
  /** The steps that the mode is about, in the order of the run: all in an audit, else the tool calls. */
  readonly steps: readonly StepReplay[];
  readonly unrecorded: readonly UnrecordedCall[];
  readonly outputs: readonly OutputReplay[];
  /** What an audit found of the head; damaged contents of steps are in `steps`. */
  readonly damaged: readonly DamagedContent[];
  readonly environment: readonly EnvironmentDrift[];
}

/** What a report is made of. */
export interface ReplayFindings {
  readonly run: CtxUri;
  readonly mode: ReplayMode;
  readonly steps: readonly StepReplay[];
  readonly unrecorded?: readonly UnrecordedCall[];
  readonly outputs?: readonly OutputReplay[];
  readonly damaged?: readonly DamagedContent[];
  readonly environment: readonly EnvironmentDrift[];
  /** Whether a drift of the environment alone makes the replay `degraded`. */
  readonly strictEnvironment?: boolean | undefined;
}

const FAILED: ReadonlySet<Verdict> = new Set([
  "refused",
  "failed",
  "timed-out",
  "too-large",
  "damaged",
]);

/** The report of what was found. */
export function replayReport(findings: ReplayFindings): ReplayReport {
  const { run, mode, steps, environment } = findings;
  const counts: Partial<Record<Verdict, number>> = {};
  for (const { verdict } of steps) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return {
    schemaVersion: 1,
    run,
    mode,
    fidelity: fidelityOf(findings),
    counts,
    steps,
    unrecorded: findings.unrecorded ?? [],
    outputs: findings.outputs ?? [],
    damaged: findings.damaged ?? [],
    environment,
  };
}

function fidelityOf(findings: ReplayFindings): Fidelity {
  const { steps, unrecorded = [], outputs = [], damaged = [], environment } = findings;
  if (unrecorded.length + damaged.length > 0 || steps.some(({ verdict }) => FAILED.has(verdict)))
    return "failed";
  if (steps.every(({ deed }) => deed === undefined)) return "empty";
  const isSame =
    steps.every(({ verdict }) => verdict === "matched") &&
    outputs.every(({ verdict }) => verdict === "matched") &&
    !(findings.strictEnvironment && environment.length > 0);
  return isSame ? "exact" : "degraded";
}
