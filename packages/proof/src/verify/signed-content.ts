import { hash, type KeyObject } from "node:crypto";
import { preAuthEncoding } from "../dsse/pae.ts";
import { verifySignature } from "../keys/verify-signature.ts";

/** What a bundle's signature is over. */
export interface SignedContent {
  /** The bytes that were signed: the pre-authentication encoding of an envelope, or a file's bytes. */
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  /** SHA-256 of what a log's `dsse` and `intoto` entries call the payload. */
  readonly payloadDigest: Buffer;
}

/** The content of a bundle whose signature is over a statement. */
export function envelopeContent(envelope: {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}): SignedContent {
  const { payloadType, payload, signature } = envelope;
  const bytes = preAuthEncoding(payloadType, payload);
  return { bytes, signature, payloadDigest: hash("sha256", payload, "buffer") };
}

/** The content of a bundle whose signature is over the bytes of `artifact`. */
export function messageContent(artifact: Uint8Array, signature: Uint8Array): SignedContent {
  return { bytes: artifact, signature, payloadDigest: hash("sha256", artifact, "buffer") };
}

/** {@link SignedContent} as `@sigstore/verify` asks for it; with it, signatures are verified by the same rules everywhere. */
export class SigstoreContent {
  readonly signature: Buffer;
  readonly #content: SignedContent;

  constructor(content: SignedContent) {
    this.#content = content;
    this.signature = Buffer.from(content.signature);
  }

  compareSignature(signature: Buffer): boolean {
    return this.signature.equals(signature);
  }

  compareDigest(digest: Buffer): boolean {
    return this.#content.payloadDigest.equals(digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return hash("sha256", this.#content.bytes, "buffer").equals(digest);
  }

  verifySignature(key: KeyObject): boolean {
    return verifySignature(this.#content.bytes, key, this.signature);
  }
}
