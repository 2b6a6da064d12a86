import type { JsonValue } from "@ctxpack/identity";

/** A policy as it stands in the file, after the schema has accepted it. */
export interface WrittenPolicy {
  readonly trustRoots?: Readonly<Record<string, WrittenTrustRoot>>;
  readonly signers: Readonly<Record<string, WrittenSigner>>;
  readonly rules: readonly WrittenRule[];
  readonly revoked?: readonly WrittenRevocation[];
}

interface WrittenTrustRoot {
  readonly tuf?: string;
  readonly root?: string;
  readonly file?: string;
  readonly sha256?: string;
}

export interface WrittenSigner {
  readonly publicKey?: string;
  readonly publicKeyFile?: string;
  readonly keyId?: string;
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly revokedAt?: string;
  readonly identity?: string;
  readonly identityPattern?: string;
  readonly issuer?: string;
  readonly trustRoot?: string;
  readonly extensions?: Readonly<Record<string, string>>;
  readonly logEntries?: number;
  readonly times?: number;
}

export interface WrittenRule {
  readonly pantries?: readonly string[];
  readonly tools?: readonly string[];
  readonly require: readonly WrittenRequirement[];
  readonly rollback?: "deny" | "allow";
  readonly dependencies?: "digest" | "verify";
}

export interface WrittenRequirement {
  readonly predicateType?: string;
  readonly signers?: readonly string[];
  readonly builders?: readonly { readonly id: string; readonly signers: readonly string[] }[];
  readonly threshold?: number;
  readonly buildTypes?: readonly string[];
  readonly externalParameters?: {
    readonly allow?: readonly string[];
    readonly equals?: Readonly<Record<string, JsonValue>>;
  };
  readonly maxAge?: string;
  readonly notBefore?: string;
}

interface WrittenRevocation {
  readonly digest?: string;
  readonly uri?: string;
  readonly key?: string;
  readonly reason: string;
}
