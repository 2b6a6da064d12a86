import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";

/** What can be wrong with an envelope, its files or its signatures. */
export type EnvelopeIssueCode =
  | "artifact-hash-mismatch"
  | "artifact-read-error"
  | "bundle-hash-mismatch"
  | "bundle-read-error"
  | "merkle-root-mismatch"
  | "sealed-hash-mismatch"
  | "sealed-read-error"
  | "evidence-hash-mismatch"
  | "evidence-read-error"
  | "evidence-lines-mismatch"
  | "evidence-quote-mismatch"
  | "evidence-quote-hash-mismatch"
  | "snapshot-hash-mismatch"
  | "snapshot-read-error"
  | "stage-mismatch"
  | "attestation-refused"
  | "signature-missing"
  | "signature-refused";

/** One thing that is wrong. */
export interface EnvelopeIssue {
  readonly code: EnvelopeIssueCode;
  /** JSON pointer into the envelope. */
  readonly pointer: string;
  readonly message: string;
  /** What a command that finds it fails with. */
  readonly error: CtxPackErrorCode;
}

/** Bytes that are not those that the envelope names. */
export function mismatch(code: EnvelopeIssueCode, pointer: string, message: string): EnvelopeIssue {
  return { code, pointer, message, error: "CTXPACK_E_DIGEST_MISMATCH" };
}

/** A file that could not be looked at. What the envelope names and is not there is "nothing to check". */
export function unreadable(
  code: EnvelopeIssueCode,
  pointer: string,
  error: CtxPackError,
): EnvelopeIssue {
  const absent = error.code === "CTXPACK_E_PATH_NOT_FOUND";
  const message = error.message;
  return { code, pointer, message, error: absent ? "CTXPACK_E_NOT_FOUND" : error.code };
}

/** Something signed that does not count. Throws what is no CtxPackError. */
export function refused(code: EnvelopeIssueCode, pointer: string, error: unknown): EnvelopeIssue {
  if (!CtxPackError.isInstance(error)) throw error;
  return { code, pointer, message: error.message, error: error.code };
}
