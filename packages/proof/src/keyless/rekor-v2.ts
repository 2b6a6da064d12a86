import { createPublicKey, hash } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { encodeBase64 } from "../dsse/base64.ts";
import { serviceUrl } from "../http/service-url.ts";
import type { MetricsSink } from "../metrics.ts";
import type { SigningIdentity, Witness } from "../sign/signer.ts";
import { createEntry, ownEntry, signerDer } from "./log-answer.ts";
import { timed } from "./phase.ts";

export interface RekorV2WitnessOptions {
  /** Base URL of the log. There is no default: a new shard with another URL begins about every six months. */
  readonly url: string;
  readonly metrics?: MetricsSink | undefined;
}

/** It answers when the next checkpoint is published. */
const DEADLINE_MS = 45_000;

/** The only algorithm of ours that such a log can take in: Ed25519 signs bytes, not a digest of them. */
const KEY_DETAILS = "PKIX_ECDSA_P256_SHA_256";

/**
 * A transparency log that speaks Rekor v2: it is given the digest of the signed bytes, the signature and who made it. It
 * vouches for no time: a certificate needs a timestamping authority beside it. The entry that comes back is ours, else it
 * throws `CTXPACK_E_PROOF_LOG`; `CTXPACK_E_UNSUPPORTED` for Ed25519, `CTXPACK_E_CONFIG` for the URL.
 */
export function rekorV2Witness(options: RekorV2WitnessOptions): Witness {
  const service = "Rekor";
  const url = new URL("api/v2/log/entries", serviceUrl(options.url, service));
  return {
    async witness(signed, { signal } = {}) {
      const { pae, signature, identity } = signed;
      const requested = {
        hashedRekordRequestV002: {
          digest: encodeBase64(hash("sha256", pae, "buffer")),
          signature: { content: encodeBase64(signature), verifier: verifierOf(identity) },
        },
      };
      const { body } = await timed(options.metrics, "rekor", () =>
        createEntry({ service, url, deadlineMs: DEADLINE_MS }, requested, signal),
      );
      const place = { code: "CTXPACK_E_PROTOCOL", where: "Rekor's answer" } as const;
      return { tlogEntries: [ownEntry(parseJson(body, place), signed)] };
    },
  };
}

function verifierOf(identity: SigningIdentity): object {
  const rawBytes = encodeBase64(signerDer(identity));
  if (identity.kind === "certificate") {
    return { x509Certificate: { rawBytes }, keyDetails: KEY_DETAILS };
  }
  if (createPublicKey(identity.publicKey).asymmetricKeyType !== "ec") {
    throw new CtxPackError("CTXPACK_E_UNSUPPORTED", "Rekor v2 takes no Ed25519 signatures", {
      hint: "sign with an ECDSA P-256 key, or use a log that speaks Rekor v1",
    });
  }
  return { publicKey: { rawBytes }, keyDetails: KEY_DETAILS };
}
