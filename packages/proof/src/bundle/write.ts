import { encodeBase64 } from "../dsse/base64.ts";
import { envelopeJson } from "../dsse/envelope.ts";
import {
  BUNDLE_MEDIA_TYPE,
  BUNDLE_VERSIONS,
  type Bundle,
  type BundleContent,
  type BundleSigner,
} from "./bundle.ts";
import { logEntryJson } from "./log-entry.ts";

/**
 * The JSON of a bundle (protojson): int64 as strings, standard padded base64, defaults left out. A bundle of version
 * 0.1 or 0.2 keeps its version.
 */
export function bundleJson(bundle: Bundle): object {
  const { logEntries, timestamps } = bundle;
  const signedTimestamps = timestamps.map((bytes) => ({ signedTimestamp: encodeBase64(bytes) }));
  return {
    mediaType: mediaTypeOf(bundle),
    verificationMaterial: {
      ...signerJson(bundle.signer, bundle.version === "0.3"),
      ...(logEntries.length > 0 && { tlogEntries: logEntries.map(logEntryJson) }),
      ...(signedTimestamps.length > 0 && {
        timestampVerificationData: { rfc3161Timestamps: signedTimestamps },
      }),
    },
    ...contentJson(bundle.content),
  };
}

/** {@link bundleJson} as UTF-8 without white space. */
export function writeBundle(bundle: Bundle): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(bundleJson(bundle)));
}

function mediaTypeOf({ version }: Bundle): string {
  if (version === "0.3") return BUNDLE_MEDIA_TYPE;
  return [...BUNDLE_VERSIONS].find(([, other]) => other === version)?.[0] ?? BUNDLE_MEDIA_TYPE;
}

function signerJson(signer: BundleSigner, alone: boolean): object {
  // An empty hint is written: without any member the oneof itself would be missing.
  if (signer.kind === "key") return { publicKey: signer.hint === "" ? {} : { hint: signer.hint } };
  const certificates = signer.chain.map((bytes) => ({ rawBytes: encodeBase64(bytes) }));
  return alone ? { certificate: certificates[0] } : { x509CertificateChain: { certificates } };
}

function contentJson(content: BundleContent): object {
  if (content.kind === "envelope") return { dsseEnvelope: envelopeJson(content.envelope) };
  const { digest, signature } = content.message;
  return {
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: encodeBase64(digest) },
      signature: encodeBase64(signature),
    },
  };
}
