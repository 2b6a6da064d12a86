/**
 * Every way CtxPack can fail on purpose. Codes are stable and additive; messages are not.
 * The command line maps each code to one exit code (`cli/src/exit.ts`).
 */
export type CtxPackErrorCode =
  /** A flag, argument or option that makes no sense (exit 2). */
  | "CTXPACK_E_USAGE"
  /** A contract that breaks a rule; the message has file, line, column and JSON path (exit 2). */
  | "CTXPACK_E_CONTRACT"
  /** A contract that would publish a secret; the message never has the value (exit 2). */
  | "CTXPACK_E_SECRET"
  /**
   * A tree without an identity: a dangling link, a name with a newline, a file that changed
   * while it was read (exit 2).
   */
  | "CTXPACK_E_TREE"
  /** A log that cannot be read as a run of an agent; the message has file and line (exit 2). */
  | "CTXPACK_E_TRACE"
  /** A configuration file or variable that cannot be used (exit 2). */
  | "CTXPACK_E_CONFIG"
  /** A malformed URI, digest, tag or address (exit 2). */
  | "CTXPACK_E_REFERENCE"
  /** A path you named does not exist (exit 2). */
  | "CTXPACK_E_PATH_NOT_FOUND"
  /** A short URI that several packs share (exit 2). */
  | "CTXPACK_E_AMBIGUOUS"
  /** More entries, segments or bytes than the format allows (exit 2). */
  | "CTXPACK_E_TOO_LARGE"
  /** Something this version, or this file system, cannot do (exit 2). */
  | "CTXPACK_E_UNSUPPORTED"
  /** No such pack, tag or blob (exit 3). */
  | "CTXPACK_E_NOT_FOUND"
  /** Not authenticated or not authorised (exit 4). */
  | "CTXPACK_E_AUTH"
  /** The file system says no (exit 4). */
  | "CTXPACK_E_PERMISSION"
  /** Bytes that are not what their digest says (exit 5). */
  | "CTXPACK_E_DIGEST_MISMATCH"
  /** Fewer or more bytes than announced (exit 5). */
  | "CTXPACK_E_SIZE_MISMATCH"
  /** A manifest or image index that breaks a rule (exit 5). */
  | "CTXPACK_E_MANIFEST"
  /** An image layout that is damaged (exit 5). */
  | "CTXPACK_E_LAYOUT"
  /** A pack whose index, segments or entries break a rule (exit 5). */
  | "CTXPACK_E_PACK"
  /** The store holds something that is not what it says (exit 5). */
  | "CTXPACK_E_STORE_DAMAGED"
  /** A key file that cannot be used: not a key, of another kind, the wrong passphrase (exit 2). */
  | "CTXPACK_E_KEY_FILE"
  /** A policy said no (exit 6). */
  | "CTXPACK_E_POLICY"
  /** No proof, though a key or a policy asks for one (exit 6). */
  | "CTXPACK_E_PROOF_MISSING"
  /** A proof that is no sigstore bundle, or breaks a rule of the format (exit 6). */
  | "CTXPACK_E_PROOF_BUNDLE"
  /** No trust root that can be used: expired, tampered with, unknown (exit 6). */
  | "CTXPACK_E_PROOF_TRUST_ROOT"
  /** A timestamp that is wrong, or missing where one is asked for (exit 6). */
  | "CTXPACK_E_PROOF_TIMESTAMP"
  /** Signed by a key that nobody named, or that is not valid any more (exit 6). */
  | "CTXPACK_E_PROOF_KEY"
  /** A certificate that does not lead to the trust root, or was not valid at the time (exit 6). */
  | "CTXPACK_E_PROOF_CERTIFICATE"
  /** A log entry that is wrong, or missing where one is asked for (exit 6). */
  | "CTXPACK_E_PROOF_LOG"
  /** A signature that is not of these bytes by this key (exit 6). */
  | "CTXPACK_E_PROOF_SIGNATURE"
  /** What was signed is not an in-toto statement as it has to be (exit 6). */
  | "CTXPACK_E_PROOF_STATEMENT"
  /** A proof of something else (exit 6). */
  | "CTXPACK_E_PROOF_SUBJECT"
  /** A signer whom the policy does not allow here (exit 6). */
  | "CTXPACK_E_PROOF_SIGNER"
  /** A statement of another kind than asked for (exit 6). */
  | "CTXPACK_E_PROOF_PREDICATE"
  /** Made by a builder that the policy does not allow, or not from this signer (exit 6). */
  | "CTXPACK_E_PROOF_BUILDER"
  /** A proof that is about another contract (exit 6). */
  | "CTXPACK_E_PROOF_CONTRACT"
  /** External parameters that nobody expects (exit 6). */
  | "CTXPACK_E_PROOF_PARAMETERS"
  /** Older than the policy allows, or without a time that can be believed (exit 6). */
  | "CTXPACK_E_PROOF_STALE"
  /** Older than what was accepted before (exit 6). */
  | "CTXPACK_E_PROOF_ROLLBACK"
  /** Revoked by the policy (exit 6). */
  | "CTXPACK_E_PROOF_REVOKED"
  /** A pack that this one is made from is refused (exit 6). */
  | "CTXPACK_E_PROOF_DEPENDENCY"
  /** Fewer signers than the policy asks for (exit 6). */
  | "CTXPACK_E_PROOF_THRESHOLD"
  /** Not what the lock file pins (exit 6). */
  | "CTXPACK_E_PROOF_PIN"
  /** A registry or network that does not answer (exit 7). */
  | "CTXPACK_E_UNAVAILABLE"
  /** A registry whose answer breaks the protocol, or asks for something unsafe (exit 7). */
  | "CTXPACK_E_PROTOCOL"
  /** Took longer than `--timeout` (exit 7). */
  | "CTXPACK_E_TIMEOUT"
  /** The same contract with another output; `details.outputs` says where (exit 8). */
  | "CTXPACK_E_CONFLICT"
  /** Waited for a lock in vain (exit 9). */
  | "CTXPACK_E_LOCKED"
  /** Disk full or over quota (exit 10). */
  | "CTXPACK_E_NO_SPACE"
  /**
   * A command that failed (then the exit code is its own), or did not do what its contract says
   * (exit 125).
   */
  | "CTXPACK_E_COMMAND";

/** What an error says beside its message. */
export interface CtxPackErrorOptions {
  /** What to do next, as one sentence for a person. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Machine-readable facts: file, line, column, pointer, path, digest, expected, found. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const brand = Symbol.for("ctxpack.error");

/** An error that CtxPack raises on purpose; `code` is stable, the message is not. */
export class CtxPackError extends Error {
  readonly code: CtxPackErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: CtxPackErrorCode, message: string, options: CtxPackErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether `value` is a CtxPackError, also when another copy of this package raised it. */
  static isInstance(value: unknown): value is CtxPackError {
    return typeof value === "object" && value !== null && brand in value;
  }
}

CtxPackError.prototype.name = "CtxPackError";
