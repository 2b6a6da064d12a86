import type { JsonValue } from "@ctxpack/identity";

/** The `_type` of every statement (in-toto Attestation Framework, Statement v1). */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

/** What `cosign attest` still writes: the members are those of v1, and they mean the same. It is read, never written. */
export const EARLIER_STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1";

/** The `payloadType` of a DSSE envelope that holds a statement. */
export const STATEMENT_MEDIA_TYPE = "application/vnd.in-toto+json";

/** A digest set of in-toto: algorithm to lower-case hex. */
export type DigestSet = Readonly<Record<string, string>>;

/** What a statement is about. */
export interface Subject {
  /** Empty where the statement has none: cosign's signatures do not. */
  readonly name: string;
  /** What we write has exactly `sha256`; npm's statements have `sha512` instead. */
  readonly digest: DigestSet;
}

/** Something a statement refers to (in-toto ResourceDescriptor); no other members are allowed. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: DigestSet;
  /** Base64. */
  readonly content?: string;
  readonly downloadLocation?: string;
  readonly mediaType?: string;
  readonly annotations?: Readonly<Record<string, JsonValue>>;
}

/** A claim about subjects: in-toto Statement v1. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: { readonly [key: string]: JsonValue };
}
