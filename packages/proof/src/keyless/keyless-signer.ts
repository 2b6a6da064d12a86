import { generateKeyPair, sign } from "node:crypto";
import { promisify } from "node:util";
import { serviceUrl } from "../http/service-url.ts";
import type { MetricsSink } from "../metrics.ts";
import type { Signer } from "../sign/signer.ts";
import { requestCertificate } from "./fulcio.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import { parseIdentityToken } from "./identity-token.ts";
import { timed } from "./phase.ts";
import { AUDIENCE, PUBLIC_GOOD } from "./public-good.ts";

export interface KeylessSignerOptions {
  readonly identity: IdentityProvider;
  /** Base URL of a Fulcio. Default: the public one. */
  readonly fulcioUrl?: string | undefined;
  readonly metrics?: MetricsSink | undefined;
}

const newKeyPair = promisify(generateKeyPair);
const signAsync = promisify(sign);

/**
 * A signer without a key of its own: for each signature a new ECDSA P-256 key is made, certified by Fulcio for ten minutes
 * for who the identity token says, used once and forgotten. To be verified later the signature needs a witness of its time:
 * a timestamping authority or a log that states one.
 *
 * `sign` throws `CTXPACK_E_AUTH` for a token that cannot be used or is not accepted, and what a service that does not answer
 * throws: `CTXPACK_E_UNAVAILABLE`, `_TIMEOUT`, `_PROTOCOL`. Throws `CTXPACK_E_CONFIG` for the URL.
 */
export function keylessSigner(options: KeylessSignerOptions): Signer {
  const fulcio = serviceUrl(options.fulcioUrl ?? PUBLIC_GOOD.fulcioUrl, "Fulcio");
  return {
    async sign(bytes, { signal } = {}) {
      signal?.throwIfAborted();
      const raw = await options.identity.token({ signal });
      const token = parseIdentityToken(raw, AUDIENCE, new Date());
      const keys = await newKeyPair("ec", { namedCurve: "P-256" });
      const certificate = await timed(options.metrics, "fulcio", () =>
        requestCertificate({ fulcio, token, ...keys, signal }),
      );
      const signature = await signAsync("sha256", bytes, keys.privateKey);
      return {
        signature,
        identity: { kind: "certificate", certificate: certificate.toString() },
      };
    },
  };
}
