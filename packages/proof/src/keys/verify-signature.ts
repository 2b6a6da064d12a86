import { type KeyObject, verify } from "node:crypto";

/**
 * Whether `signature` was made over `bytes` by the key whose public half is given: ECDSA P-256 as ASN.1 DER over
 * SHA-256, or Ed25519. What is no signature at all is none of these bytes either.
 */
export function verifySignature(
  bytes: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
): boolean {
  const digest = publicKey.asymmetricKeyType === "ed25519" ? null : "sha256";
  return verify(digest, bytes, publicKey, signature);
}
