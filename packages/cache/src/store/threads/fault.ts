import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";

/** An error on its way from one thread to another: a clone of an `Error` loses its class and its `code`. */
export interface Fault {
  readonly message: string;
  readonly stack?: string | undefined;
  /** The operating system's code. */
  readonly system?: string | undefined;
  /** Of an error of ours. */
  readonly ours?: {
    readonly code: CtxPackErrorCode;
    readonly hint?: string | undefined;
    readonly details: Readonly<Record<string, unknown>>;
  };
  readonly cause?: Fault | undefined;
}

/** What another thread is told of an error. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  const cause = error.cause === undefined ? undefined : faultOf(error.cause);
  if (CtxPackError.isInstance(error)) {
    const { code, hint, details } = error;
    return { message, stack, cause, ours: { code, hint, details } };
  }
  const system = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { message, stack, cause, system };
}

/** The error again, as if it had been thrown here. */
export function errorOf(fault: Fault): Error {
  const { message, stack, system, ours } = fault;
  const cause = fault.cause && { cause: errorOf(fault.cause) };
  const error = ours
    ? new CtxPackError(ours.code, message, { hint: ours.hint, details: ours.details, ...cause })
    : Object.assign(new Error(message, cause), system !== undefined && { code: system });
  if (stack !== undefined) error.stack = stack;
  return error;
}
