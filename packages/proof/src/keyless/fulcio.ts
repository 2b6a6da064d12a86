import { type KeyObject, sign, X509Certificate } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { Fields } from "../bundle/fields.ts";
import { encodeBase64 } from "../dsse/base64.ts";
import { malformed } from "../http/failure.ts";
import { request } from "../http/request.ts";
import { leafCertificate } from "../verify/certificate.ts";
import type { IdentityToken } from "./identity-token.ts";

const DEADLINE_MS = 10_000;
const ANSWER_LIMIT = 256 << 10;

export interface CertificateRequest {
  /** Base URL of a Fulcio. */
  readonly fulcio: URL;
  readonly token: IdentityToken;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has a key certified by Fulcio (API v2) for who the token says. The leaf that comes back is for our key, for signing code,
 * and valid now; whether a verifier trusts who issued it is the verifier's to say.
 *
 * @throws CtxPackError as `request`; `CTXPACK_E_PROTOCOL` for an answer of another form or about another key.
 */
export async function requestCertificate(asked: CertificateRequest): Promise<X509Certificate> {
  const { token, publicKey, privateKey, signal } = asked;
  const service = { service: "Fulcio", url: new URL("api/v2/signingCert", asked.fulcio) };
  const { body } = await request({
    ...service,
    method: "POST",
    body: {
      credentials: { oidcIdentityToken: token.raw },
      publicKeyRequest: {
        publicKey: {
          algorithm: "ECDSA",
          content: publicKey.export({ type: "spki", format: "pem" }).toString(),
        },
        proofOfPossession: encodeBase64(sign("sha256", Buffer.from(token.challenge), privateKey)),
      },
    },
    limit: ANSWER_LIMIT,
    deadlineMs: DEADLINE_MS,
    expect: [200, 201],
    refusesWith400: true,
    secrets: [token.raw],
    signal,
  });
  return checked(leafOf(body, service), publicKey, service);
}

type Service = { readonly service: string; readonly url: URL };

/** The chain's first certificate, PEM. */
function leafOf(body: Buffer, service: Service): string {
  const place = {
    code: "CTXPACK_E_PROTOCOL",
    where: "Fulcio's answer",
    path: "Fulcio's answer",
  } as const;
  const answer = new Fields(parseJson(body, place), place);
  const signed = answer.message("signedCertificateEmbeddedSct");
  if (signed === undefined) {
    throw malformed(service, "gives no certificate with an embedded timestamp of a log (SCT)");
  }
  const [leaf] = signed.required("chain").list("certificates", 16);
  if (typeof leaf !== "string") throw malformed(service, "gives an empty chain");
  return leaf;
}

function checked(pem: string, publicKey: KeyObject, service: Service): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = leafCertificate([new X509Certificate(pem).raw]);
  } catch (cause) {
    const why = CtxPackError.isInstance(cause) ? cause.message : "it is not a certificate";
    throw malformed(service, `gives a certificate that cannot be used: ${why}`);
  }
  if (!certificate.publicKey.equals(publicKey)) {
    throw malformed(service, "gives a certificate for another key than ours");
  }
  if (Date.parse(certificate.validTo) <= Date.now()) {
    throw new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `Fulcio (${service.url.host}) gives a certificate that has expired at ${new Date(certificate.validTo).toISOString()}`,
      { hint: "is the clock of this machine right?" },
    );
  }
  return certificate;
}
