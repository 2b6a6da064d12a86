import { createHash } from "node:crypto";

export interface Trusted {
  readonly rekorV1: { readonly url: string; readonly key: Uint8Array };
  readonly rekorV2: { readonly url: string; readonly key: Uint8Array };
  readonly fulcio: { readonly url: string; readonly root: Uint8Array };
  readonly certificateLog: { readonly key: Uint8Array };
  readonly tsa: { readonly url: string; readonly chain: readonly Uint8Array[] };
}

/** The trusted_root.json of services. */
export function trustedRootJson(services: Trusted): string {
  // Times of certificates and logs are in whole seconds.
  const validFor = { start: new Date(Date.now() - 1000).toISOString() };
  const log = (baseUrl: string, key: Uint8Array) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: base64(key), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
    logId: { keyId: createHash("sha256").update(key).digest("base64") },
  });
  const authority = (uri: string, chain: readonly Uint8Array[]) => ({
    subject: { organization: "sigstore.mock", commonName: "sigstore" },
    uri,
    certChain: { certificates: chain.map((der) => ({ rawBytes: base64(der) })) },
    validFor,
  });
  return JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [
      log(services.rekorV1.url, services.rekorV1.key),
      log(services.rekorV2.url, services.rekorV2.key),
    ],
    certificateAuthorities: [authority(services.fulcio.url, [services.fulcio.root])],
    ctlogs: [log("https://ctfe.example", services.certificateLog.key)],
    timestampAuthorities: [authority(services.tsa.url, services.tsa.chain)],
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
