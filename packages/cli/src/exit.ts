import type { CtxPackErrorCode } from "@ctxpack/client";

/** What the shell learns from each error. Frozen: a code may be added, none may change. */
export const EXIT_CODES: Readonly<Record<CtxPackErrorCode, number>> = {
  CTXPACK_E_USAGE: 2,
  CTXPACK_E_CONTRACT: 2,
  CTXPACK_E_SECRET: 2,
  CTXPACK_E_TREE: 2,
  CTXPACK_E_TRACE: 2,
  CTXPACK_E_CONFIG: 2,
  CTXPACK_E_REFERENCE: 2,
  CTXPACK_E_PATH_NOT_FOUND: 2,
  CTXPACK_E_AMBIGUOUS: 2,
  CTXPACK_E_TOO_LARGE: 2,
  CTXPACK_E_UNSUPPORTED: 2,
  CTXPACK_E_NOT_FOUND: 3,
  CTXPACK_E_AUTH: 4,
  CTXPACK_E_PERMISSION: 4,
  CTXPACK_E_DIGEST_MISMATCH: 5,
  CTXPACK_E_SIZE_MISMATCH: 5,
  CTXPACK_E_MANIFEST: 5,
  CTXPACK_E_LAYOUT: 5,
  CTXPACK_E_PACK: 5,
  CTXPACK_E_STORE_DAMAGED: 5,
  CTXPACK_E_KEY_FILE: 2,
  CTXPACK_E_POLICY: 6,
  CTXPACK_E_PROOF_MISSING: 6,
  CTXPACK_E_PROOF_BUNDLE: 6,
  CTXPACK_E_PROOF_TRUST_ROOT: 6,
  CTXPACK_E_PROOF_TIMESTAMP: 6,
  CTXPACK_E_PROOF_KEY: 6,
  CTXPACK_E_PROOF_CERTIFICATE: 6,
  CTXPACK_E_PROOF_LOG: 6,
  CTXPACK_E_PROOF_SIGNATURE: 6,
  CTXPACK_E_PROOF_STATEMENT: 6,
  CTXPACK_E_PROOF_SUBJECT: 6,
  CTXPACK_E_PROOF_SIGNER: 6,
  CTXPACK_E_PROOF_PREDICATE: 6,
  CTXPACK_E_PROOF_BUILDER: 6,
  CTXPACK_E_PROOF_CONTRACT: 6,
  CTXPACK_E_PROOF_PARAMETERS: 6,
  CTXPACK_E_PROOF_STALE: 6,
  CTXPACK_E_PROOF_ROLLBACK: 6,
  CTXPACK_E_PROOF_REVOKED: 6,
  CTXPACK_E_PROOF_DEPENDENCY: 6,
  CTXPACK_E_PROOF_THRESHOLD: 6,
  CTXPACK_E_PROOF_PIN: 6,
  CTXPACK_E_UNAVAILABLE: 7,
  CTXPACK_E_PROTOCOL: 7,
  CTXPACK_E_TIMEOUT: 7,
  CTXPACK_E_CONFLICT: 8,
  CTXPACK_E_LOCKED: 9,
  CTXPACK_E_NO_SPACE: 10,
  CTXPACK_E_COMMAND: 125,
};

/** `run` and `map`: ctxpack failed after the command had succeeded. */
const EXIT_AFTER_CHILD = 125;
/** `diff --exit-code` or `recheck --exit-code` found differences. */
export const EXIT_DIFFERENT = 1;
/** Items of a `map --keep-going` failed. */
export const EXIT_ITEMS_FAILED = 1;
/** What was asked about is not there, and that is the answer. */
export const EXIT_MISS = 3;
/** A bug in ctxpack: an error that nobody raised on purpose. */
const EXIT_BUG = 70;

/** What the operating system calls an error that a person can do something about. */
const SYSTEM_ERRORS: Readonly<Record<string, CtxPackErrorCode>> = {
  EACCES: "CTXPACK_E_PERMISSION",
  EPERM: "CTXPACK_E_PERMISSION",
  EROFS: "CTXPACK_E_PERMISSION",
  ENOSPC: "CTXPACK_E_NO_SPACE",
  EDQUOT: "CTXPACK_E_NO_SPACE",
};

/** An error of the command line itself; has the shape of a CtxPackError without loading the library. */
export class CommandError extends Error {
  readonly code: CtxPackErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> = {};

  constructor(code: CtxPackErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A failure as it is told: on stderr, and as `error` of a `--json` result. */
export interface Failure {
  readonly code: CtxPackErrorCode | "CTXPACK_E_INTERNAL";
  readonly exitCode: number;
  readonly message: string;
  readonly hint?: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** How the command of `run` or `map` ended that it is about. */
  readonly child?: { readonly exitCode: number };
}

/** Makes any thrown value a failure. Codes decide, not classes: two copies of a package may be loaded. */
export function failureOf(error: unknown): Failure {
  const failure = classify(error);
  const child = childOf(error);
  if (child === undefined) return failure;
  // After a command has run its own exit code counts.
  return { ...failure, child, exitCode: child.exitCode || EXIT_AFTER_CHILD };
}

/** What an error says of the command that it is about. */
export function childOf(error: unknown): { readonly exitCode: number } | undefined {
  const { details } = (error ?? {}) as { details?: { child?: { exitCode?: unknown } } };
  const exitCode = details?.child?.exitCode;
  return typeof exitCode === "number" ? { ...details?.child, exitCode } : undefined;
}

function classify(error: unknown): Failure {
  const { code, message, hint, details } = (error ?? {}) as Record<string, unknown>;
  const text = typeof message === "string" ? message : String(error);
  const known = typeof code === "string" ? (SYSTEM_ERRORS[code] ?? code) : "";
  if (Object.hasOwn(EXIT_CODES, known)) {
    return {
      code: known as CtxPackErrorCode,
      exitCode: EXIT_CODES[known as CtxPackErrorCode],
      message: text,
      ...(typeof hint === "string" ? { hint } : {}),
      details: (details ?? {}) as Record<string, unknown>,
    };
  }
  return {
    code: "CTXPACK_E_INTERNAL",
    exitCode: EXIT_BUG,
    message: text,
    hint: "this is a bug in ctxpack; run again with --verbose and report what it prints",
    details: {},
  };
}
