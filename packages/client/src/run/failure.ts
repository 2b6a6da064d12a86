import { CtxPackError } from "@ctxpack/identity";
import type { ChildEnd } from "./child.ts";

/** How the command ended that an error is about: `details.child` of it. */
export interface ChildFacts {
  /** Its own, or as `ChildEnd` says. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  readonly durationMs: number;
}

/** What is left of a `ChildEnd` for those who only want to know how it ended. */
export function factsOf({ exitCode, signal, durationMs }: ChildEnd): ChildFacts {
  return { exitCode, durationMs, ...(signal && { signal }) };
}

/** The error that a command's end is; `undefined` for a good one. */
export function failureOf(end: ChildEnd, argv: readonly string[]): CtxPackError | undefined {
  const problem = problemOf(end, argv);
  if (problem === undefined) return undefined;
  const { code = "CTXPACK_E_COMMAND", message, hint } = problem;
  return new CtxPackError(code, message, { hint, details: { child: factsOf(end) } });
}

function problemOf(
  end: ChildEnd,
  argv: readonly string[],
): { code?: "CTXPACK_E_TIMEOUT"; message: string; hint: string } | undefined {
  const program = argv.slice(0, 2).join(" ");
  if (end.unstartable !== undefined) {
    return {
      message: end.unstartable,
      hint: "it is looked for on PATH, from the contract's folder",
    };
  }
  if (end.timedOut) {
    const message = `${program} was not done in time, and was ended`;
    return { code: "CTXPACK_E_TIMEOUT", message, hint: "give a longer --timeout" };
  }
  if (end.exitCode !== 0) {
    const how = end.signal ? `was killed by ${end.signal}` : `ended with exit code ${end.exitCode}`;
    return { message: `${program} ${how}`, hint: "what it said is above; nothing was stored" };
  }
  if (end.leftProcesses) {
    const message = `${program} left processes running, which were ended; nothing was stored`;
    return {
      message,
      hint: "a command is done when everything it started is: let it wait for them",
    };
  }
  return undefined;
}

/** Notes on an error of ours that the command before it had succeeded. */
export function withChild<E>(error: E, child: ChildFacts | undefined): E {
  if (child === undefined || !(error instanceof Error)) return error;
  const { details } = error as { details?: object };
  return Object.assign(error, { details: { ...details, child } });
}
