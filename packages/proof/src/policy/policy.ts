import { type Digest, type JsonValue, ORIGIN, type Pattern, sha256 } from "@ctxpack/identity";
import type { PantryPattern } from "./pantry-pattern.ts";

/** The `schema` member of every policy. */
export const POLICY_SCHEMA = "ctxpack.policy/v1";

/** The `$id` of the policy's JSON Schema, for the `$schema` member that editors follow. */
export const POLICY_SCHEMA_URI: string = `${ORIGIN}schemas/policy.v1.json`;

/** No policy is longer, in bytes. */
export const MAX_POLICY: number = 1 << 20;

/** A policy file that follows every rule of the format; the files it names have not been read yet. */
export interface Policy {
  /** As it was given; errors and verdicts begin with it. */
  readonly file: string;
  /** Absolute: what acceptances are remembered by. */
  readonly path: string;
  readonly digest: Digest;
  readonly trustRoots: ReadonlyMap<string, TrustRootSource>;
  readonly signers: ReadonlyMap<string, NamedSigner>;
  readonly rules: readonly Rule[];
  readonly revoked: readonly Revocation[];
}

/** Where a trust root comes from; `sha256` is hex. */
export type TrustRootSource =
  /** Absolute path of a trusted_root.json. */
  | { readonly kind: "file"; readonly file: string; readonly sha256: string }
  /** A TUF repository, and the root.json that is believed; without one it has to be known already. */
  | {
      readonly kind: "tuf";
      readonly mirror: string;
      readonly root?: { readonly file: string; readonly sha256: string };
    };

/** Somebody a rule can name. */
export type NamedSigner = KeySigner | IdentitySigner;

interface Witnessed {
  /** Log entries that a signature needs. */
  readonly logEntries: number;
  /** Times of others that a signature needs. */
  readonly times: number;
}

export interface KeySigner extends Witnessed {
  readonly kind: "key";
  readonly key: /** PEM, or base64 of the SPKI. */
    | { readonly text: string }
    /** Absolute path, and the OpenSSH fingerprint that it has to have. */
    | { readonly file: string; readonly keyId: string };
  readonly validFrom?: Date;
  readonly validUntil?: Date;
  readonly revokedAt?: Date;
}

export interface IdentitySigner extends Witnessed {
  readonly kind: "identity";
  readonly identity: { readonly exact: string } | { readonly pattern: string };
  readonly issuer: string;
  /** Name of a trust root of the same policy. */
  readonly trustRoot: string;
  /** Values by OID. */
  readonly extensions: ReadonlyMap<string, string>;
}

/** What packs a rule is about, and what they need. */
export interface Rule {
  /** Absent: all. */
  readonly pantries?: readonly PantryPattern[];
  /** Absent: all. */
  readonly tools?: readonly Pattern[];
  readonly require: readonly Requirement[];
  readonly rollback: "deny" | "allow";
  readonly dependencies: "digest" | "verify";
}

/** A kind of statement, and who has to have made it. */
export interface Requirement {
  readonly predicateType: string;
  /** Whoever may sign: names, with the builder that each may vouch for, or for any. */
  readonly allowed: readonly { readonly builder?: string; readonly signers: readonly string[] }[];
  readonly threshold: number;
  /** Absent when the predicate is no provenance. */
  readonly provenance?: ProvenanceRules;
  /** In milliseconds. */
  readonly maxAge?: number;
  readonly notBefore?: Date;
}

/** What a build has to be. */
export interface ProvenanceRules {
  /** Absent: that of ctxpack. */
  readonly buildTypes?: readonly string[];
  /** Names of external parameters; absent: those that the build type defines. */
  readonly allow?: readonly string[];
  /** By JSON pointer. */
  readonly equals: ReadonlyMap<string, JsonValue>;
}

/** What is refused whoever signed it. */
export type Revocation = { readonly reason: string } & (
  | { readonly digest: Digest }
  | { readonly uri: string }
  | { readonly key: string }
);

/** What a policy is called where it is recorded: the sha256 of the file's bytes. */
export function policyDigest(text: string | Uint8Array): Digest {
  return sha256(typeof text === "string" ? new TextEncoder().encode(text) : text);
}
