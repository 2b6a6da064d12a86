import { createPublicKey, X509Certificate } from "node:crypto";
import { parseJson } from "@ctxpack/oci";
import { Fields, type FieldsPlace } from "../bundle/fields.ts";

/** When something counts; both ends are included, an absent one is open. */
export interface ValidityWindow {
  readonly start: Date | undefined;
  readonly end: Date | undefined;
}

/** A transparency log, of signatures or of certificates. */
export interface TrustedLog {
  readonly baseUrl: string;
  /** What entries and SCTs name the log by. */
  readonly logId: Uint8Array;
  readonly validFor: ValidityWindow;
}

/** A certificate authority or a timestamping authority. */
export interface TrustedAuthority {
  readonly uri: string;
  readonly validFor: ValidityWindow;
}

/** Whom a verifier believes besides keys: sigstore's TrustedRoot. */
export interface TrustRoot {
  /** What policies and reports call it. */
  readonly name: string;
  readonly logs: readonly TrustedLog[];
  readonly certificateLogs: readonly TrustedLog[];
  readonly certificateAuthorities: readonly TrustedAuthority[];
  readonly timestampAuthorities: readonly TrustedAuthority[];
  /** The TrustedRoot as it was read (protojson), with keys and certificates. */
  readonly json: object;
}

const MEDIA_TYPES = [
  "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  "application/vnd.dev.sigstore.trustedroot.v0.1+json",
  "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/**
 * Reads a `trusted_root.json` (sigstore TrustedRoot, protojson). Members that it does not know are passed over, for who
 * publishes trust roots adds to them; what it knows has to be right. A log whose key has no start of validity is refused:
 * it would vouch for times at which nobody held the key.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_TRUST_ROOT`, naming the trust root and the member.
 */
export function parseTrustRoot(name: string, bytes: Uint8Array): TrustRoot {
  const place: FieldsPlace = { code: "CTXPACK_E_PROOF_TRUST_ROOT", path: `trust root ${name}` };
  const json = parseJson(bytes, { code: place.code, where: place.path });
  const root = new Fields(json, place);
  const mediaType = root.text("mediaType");
  if (!MEDIA_TYPES.includes(mediaType)) {
    const shown = JSON.stringify(mediaType.slice(0, 120));
    root.fail("mediaType", `is ${shown}, which is no TrustedRoot of version 0.1 or 0.2`);
  }
  return {
    name,
    logs: itemsOf(root, "tlogs", parseLog),
    certificateLogs: itemsOf(root, "ctlogs", parseLog),
    certificateAuthorities: itemsOf(root, "certificateAuthorities", parseAuthority),
    timestampAuthorities: itemsOf(root, "timestampAuthorities", parseAuthority),
    json: json as object,
  };
}

function itemsOf<T>(root: Fields, list: string, parse: (item: Fields) => T): T[] {
  return root.list(list).map((value, index) => parse(new Fields(value, root.place(list, index))));
}

function parseLog(log: Fields): TrustedLog {
  const key = log.required("publicKey");
  const spki = key.bytes("rawBytes");
  if (!isPublicKey(spki)) key.fail("rawBytes", "is not a public key");
  const validFor = parseWindow(key);
  if (validFor.start === undefined) key.fail("validFor.start", "is missing");
  // Version 0.2 names a log in checkpoints by what the signed note calls it.
  const id = log.message("checkpointKeyId") ?? log.required("logId");
  const logId = id.bytes("keyId");
  if (logId.length === 0) id.fail("keyId", "is empty");
  const baseUrl = log.text("baseUrl");
  if (baseUrl === "") log.fail("baseUrl", "is empty");
  return { baseUrl, logId, validFor };
}

function parseAuthority(authority: Fields): TrustedAuthority {
  const chain = authority.required("certChain");
  const certificates = chain.list("certificates", 16);
  if (certificates.length === 0) chain.fail("certificates", "is empty");
  for (const [index, value] of certificates.entries()) {
    const fields = new Fields(value, chain.place("certificates", index));
    const der = fields.bytes("rawBytes");
    try {
      new X509Certificate(der);
    } catch {
      fields.fail("rawBytes", "is not a certificate");
    }
  }
  return { uri: authority.text("uri"), validFor: parseWindow(authority) };
}

/** SPKI, or PKCS#1 as old RSA logs have it. */
function isPublicKey(der: Buffer): boolean {
  return (["spki", "pkcs1"] as const).some((type) => {
    try {
      createPublicKey({ key: der, format: "der", type });
      return true;
    } catch {
      return false;
    }
  });
}

/** The `validFor` of a message. */
export function parseWindow(fields: Fields): ValidityWindow {
  const window = fields.message("validFor");
  const start = window && parseTime(window, "start");
  const end = window && parseTime(window, "end");
  if (start !== undefined && end !== undefined && end < start) {
    fields.fail("validFor", "ends before it starts");
  }
  return { start, end };
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function parseTime(fields: Fields, name: string): Date | undefined {
  if (!fields.has(name)) return undefined;
  const text = fields.text(name);
  const time = new Date(rfc3339.test(text) ? text : Number.NaN);
  if (Number.isNaN(time.getTime())) fields.fail(name, "is not a time (RFC 3339)");
  return time;
}
