import type { Envelope } from "../dsse/envelope.ts";

/** The media type of the bundles we write (sigstore bundle v0.3). */
export const BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The largest bundle that is looked at, in bytes. */
export const BUNDLE_LIMIT: number = 4 << 20;

/** Versions that are read, by media type; only the last is written. */
export const BUNDLE_VERSIONS: ReadonlyMap<string, BundleVersion> = new Map([
  ["application/vnd.dev.sigstore.bundle+json;version=0.1", "0.1"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3"],
  [BUNDLE_MEDIA_TYPE, "0.3"],
]);

export type BundleVersion = "0.1" | "0.2" | "0.3";

/** A sigstore bundle whose form was checked; nothing in it is verified yet. */
export interface Bundle {
  readonly version: BundleVersion;
  readonly signer: BundleSigner;
  readonly content: BundleContent;
  readonly logEntries: readonly LogEntry[];
  /** RFC 3161 TimeStampResp over the signature's bytes, DER. */
  readonly timestamps: readonly Uint8Array[];
}

/** What a verifier needs to find out who signed. */
export type BundleSigner =
  /** A key that the verifier has to know. The hint says which one it may be; nothing vouches for it. */
  | { readonly kind: "key"; readonly hint: string }
  /** DER; the leaf comes first and is alone in v0.3. */
  | { readonly kind: "certificate"; readonly chain: readonly [Uint8Array, ...Uint8Array[]] };

export type BundleContent =
  | { readonly kind: "envelope"; readonly envelope: Envelope }
  | { readonly kind: "message"; readonly message: MessageSignature };

/** A signature over the bytes of a file themselves. */
export interface MessageSignature {
  /** The SHA-256 that the file is said to have; nothing vouches for it. */
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/** An entry of a transparency log. Numbers are decimal digits: they may be beyond 2^53. */
export interface LogEntry {
  readonly logIndex: string;
  /** SHA-256 of the log's public key, or what the log is known by. */
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970, `0` when the log states none; only the promise vouches for it. */
  readonly integratedTime: string;
  /** The log's signed entry timestamp (Rekor v1). */
  readonly promise: Uint8Array | undefined;
  readonly proof: InclusionProof | undefined;
  /** JSON that the log holds. */
  readonly body: Uint8Array;
}

/** That the log's tree has the entry. */
export interface InclusionProof {
  readonly logIndex: string;
  readonly rootHash: Uint8Array;
  readonly treeSize: string;
  readonly hashes: readonly Uint8Array[];
  /** A signed note: name of the log, size, root hash, signatures. */
  readonly checkpoint: string;
}
