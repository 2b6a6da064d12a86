import { createPublicKey, type KeyObject } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { algorithmOf } from "../keys/algorithm.ts";
import { parsePublicKey } from "../keys/read.ts";
import { verifySignature } from "../keys/verify-signature.ts";
import { keyIdentity } from "./local.ts";
import type { Signer } from "./signer.ts";

export interface ExternalSignerOptions {
  /** The public half, which has to be known beforehand: SPKI in PEM, or a key. */
  readonly publicKey: string | KeyObject;
  /**
   * Signs bytes where the key is: a key management service, a smart card. Gives back ASN.1 DER for ECDSA (SHA-256 of the
   * bytes is what is signed), 64 bytes for Ed25519.
   */
  sign(
    bytes: Uint8Array,
    options: { readonly signal: AbortSignal | undefined },
  ): Promise<Uint8Array>;
}

/**
 * A signer whose key never is in this process. Each of its answers is verified before it is used: one that is not a
 * signature of these bytes throws `CTXPACK_E_PROOF_SIGNATURE`. Throws CTXPACK_E_KEY_FILE for a public key that is neither
 * ECDSA P-256 nor Ed25519.
 */
export function externalSigner(options: ExternalSignerOptions): Signer {
  const given = options.publicKey;
  const what = "the public key of the external signer";
  const publicKey = typeof given === "string" ? parsePublicKey(given, what) : publicHalf(given);
  algorithmOf(publicKey, what);
  const identity = keyIdentity(publicKey);
  return {
    async sign(bytes, { signal } = {}) {
      signal?.throwIfAborted();
      const signature = Uint8Array.from(await options.sign(bytes, { signal }));
      if (!verifySignature(bytes, publicKey, signature)) {
        const message = "the external signer's answer is not a signature by its key";
        throw new CtxPackError("CTXPACK_E_PROOF_SIGNATURE", message, {
          hint: "ECDSA has to come as ASN.1 DER over SHA-256 of the bytes, and from the key that was named",
        });
      }
      return { signature, identity };
    },
  };
}

function publicHalf(key: KeyObject): KeyObject {
  return key.type === "private" ? createPublicKey(key) : key;
}
