import { type KeyObject, verify } from "node:crypto";

/**
 * Whether `signature` was made over `bytes` by the key whose public half is given: ECDSA P-256 as ASN.1 DER over
 * SHA-256, or Ed25519. Never throws for what a stranger may send.
 */
export function verifySignature(
  bytes: Uint8Array,
  publicKey: KeyObject,
  signature: Uint8Array,
): boolean {
  const digest = publicKey.asymmetricKeyType === "ed25519" ? null : "sha256";
  try {
    return verify(digest, bytes, publicKey, signature);
  } catch {
    return false;
  }
}
