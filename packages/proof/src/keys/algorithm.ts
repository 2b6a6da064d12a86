import type { KeyObject } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";

/** What we sign with and verify: ECDSA over P-256 with SHA-256, and Ed25519 (RFC 8032, no pre-hash). */
export type KeyAlgorithm = "ecdsa-p256" | "ed25519";

/**
 * The algorithm of a key, private or public. `what` names the key in errors.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE` for a key of another kind: not every verifier of sigstore bundles takes P-384
 *   with the same digest, and RSA signatures have more than one form.
 */
export function algorithmOf(key: KeyObject, what: string): KeyAlgorithm {
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ec" && curve === "prime256v1") return "ecdsa-p256";
  const found = curve ?? key.asymmetricKeyType ?? key.type;
  throw new CtxPackError("CTXPACK_E_KEY_FILE", `${what} is a key of kind ${found}`, {
    hint: "use ECDSA P-256 or Ed25519; `ctxpack keygen` makes one",
    details: { found },
  });
}
