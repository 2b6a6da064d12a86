import type { Digest } from "@ctxpack/identity";
import type { Statement } from "../statement/statement.ts";
import type { ProofErrorCode } from "./failure.ts";

/** Who signed, as far as cryptography says; whether they may is for a policy. */
export type VerifiedSigner =
  /** `name` is the name that the caller gave the key. */
  | { readonly kind: "key"; readonly keyId: string; readonly name: string }
  | {
      readonly kind: "certificate";
      /** Subject alternative name: a workflow's URL, a mail address. */
      readonly identity: string;
      /** OIDC issuer: a URL. */
      readonly issuer: string;
      /** Fulcio's extensions by OID, decoded: `1.3.6.1.4.1.57264.1.15` → `123456`. */
      readonly extensions: Readonly<Record<string, string>>;
      /** Name of the trust root that the chain ends in. */
      readonly trustRoot: string;
    };

/** A time that somebody other than the signer vouches for. */
export interface VerifiedTime {
  readonly time: Date;
  readonly source: "timestamp-authority" | "transparency-log";
}

/** A bundle whose signature, chain, times, log entries and statement are all right. */
export interface VerifiedBundle {
  /** sha256 of the bundle's bytes. */
  readonly digest: Digest;
  readonly statement: Statement;
  readonly signer: VerifiedSigner;
  /** Empty for a key without witnesses. */
  readonly times: readonly VerifiedTime[];
  /** Number of log entries that were verified. */
  readonly logEntries: number;
}

/** A bundle that does not count, and the step that it did not pass. */
export interface RefusedBundle {
  readonly digest: Digest | undefined;
  readonly code: ProofErrorCode;
  readonly message: string;
}
