import { hash, X509Certificate } from "node:crypto";
import { encodeBase64 } from "../dsse/base64.ts";
import { malformed } from "../http/failure.ts";
import { request } from "../http/request.ts";
import { serviceUrl } from "../http/service-url.ts";
import type { MetricsSink } from "../metrics.ts";
import type { SigningIdentity, Witness } from "../sign/signer.ts";
import { timed } from "./phase.ts";
import { PUBLIC_GOOD } from "./public-good.ts";
import { parseTimestampResponse } from "./timestamp-response.ts";

export interface TsaWitnessOptions {
  /** Full URL of the authority's endpoint. Default: the public one. */
  readonly url?: string | undefined;
  readonly metrics?: MetricsSink | undefined;
}

const DEADLINE_MS = 10_000;
const ANSWER_LIMIT = 64 << 10;

/** A time may be stated in whole seconds. */
const PRECISION_MS = 1000;

/**
 * A timestamping authority (RFC 3161), asked in JSON as sigstore's is. It vouches for the time of the signature. What it
 * answers is granted, about our signature, and of a time at which the certificate is valid; else it throws
 * `CTXPACK_E_PROTOCOL`. Throws `CTXPACK_E_CONFIG` for the URL.
 */
export function tsaWitness(options: TsaWitnessOptions = {}): Witness {
  const service = "the timestamping authority";
  const url = serviceUrl(options.url ?? PUBLIC_GOOD.tsaUrl, service);
  // A full URL, not the base of one.
  url.pathname = url.pathname.replace(/(?<=.)\/$/, "");
  return {
    async witness({ signature, identity }, { signal } = {}) {
      const digest = hash("sha256", signature, "buffer");
      const body = { artifactHash: encodeBase64(digest), hashAlgorithm: "sha256" };
      const answer = await timed(options.metrics, "tsa", () =>
        request({
          service,
          url,
          method: "POST",
          body,
          limit: ANSWER_LIMIT,
          deadlineMs: DEADLINE_MS,
          expect: [200, 201],
          signal,
        }),
      );
      const stamped = parseTimestampResponse(answer.body);
      if (stamped === undefined) throw malformed({ service, url }, "gives no granted timestamp");
      if (!stamped.digest.equals(digest)) {
        throw malformed({ service, url }, "gives a timestamp of something else");
      }
      requireValidAt(identity, stamped.time, { service, url });
      return { timestamps: [answer.body] };
    },
  };
}

/** Nobody will accept a signature of a time at which its certificate was not valid. */
function requireValidAt(
  identity: SigningIdentity,
  time: Date,
  service: { readonly service: string; readonly url: URL },
): void {
  if (identity.kind === "key") return;
  const { validFrom, validTo } = new X509Certificate(identity.certificate);
  const at = time.getTime();
  if (at >= Date.parse(validFrom) - PRECISION_MS && at <= Date.parse(validTo)) return;
  throw malformed(
    service,
    `says that it is ${time.toISOString()}, when the certificate is not valid: one of the two clocks is wrong`,
  );
}
