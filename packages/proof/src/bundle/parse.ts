import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { parseEnvelope } from "../dsse/envelope.ts";
import {
  BUNDLE_LIMIT,
  BUNDLE_VERSIONS,
  type Bundle,
  type BundleContent,
  type BundleSigner,
  type BundleVersion,
  type LogEntry,
} from "./bundle.ts";
import { Fields, type FieldsPlace } from "./fields.ts";
import { parseLogEntry } from "./log-entry.ts";

const PLACE: FieldsPlace = { code: "CTXPACK_E_PROOF_BUNDLE", path: "bundle" };
const SIGNERS = ["publicKey", "certificate", "x509CertificateChain"];
const CONTENTS = ["dsseEnvelope", "messageSignature"];
/** More of these nobody adds; each costs the verifier a signature. */
const WITNESS_LIMIT = 16;
const CHAIN_LIMIT = 8;

/**
 * Reads a sigstore bundle: v0.3, or v0.1 and v0.2 by their own rules. Strict, as cosign and sigstore-go read protojson:
 * an unknown or doubled member makes the whole bundle unreadable. Verifies nothing.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE`, naming the member.
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  if (bytes.length > BUNDLE_LIMIT) {
    throw new CtxPackError(
      PLACE.code,
      `the bundle has ${bytes.length} bytes, more than ${BUNDLE_LIMIT}`,
      { hint: "keep lists of files out of statements: they can be a blob that a statement names" },
    );
  }
  const value = parseJson(bytes, { code: PLACE.code, where: "the bundle" });
  const fields = new Fields(value, PLACE, ["mediaType", "verificationMaterial", ...CONTENTS]);
  const version = parseVersion(fields);
  const material = fields.required("verificationMaterial", [
    ...SIGNERS,
    "tlogEntries",
    "timestampVerificationData",
  ]);
  const signer = parseSigner(material, version);
  const content = parseContent(fields);
  requireOneHint(fields, signer, content);
  return {
    version,
    signer,
    content,
    logEntries: parseLogEntries(material, version),
    timestamps: parseTimestamps(material),
  };
}

/** The format's rule: where both places name the key, they name the same. */
function requireOneHint(bundle: Fields, signer: BundleSigner, content: BundleContent): void {
  if (signer.kind !== "key" || content.kind !== "envelope") return;
  const { keyId } = content.envelope;
  if (keyId !== "" && signer.hint !== "" && keyId !== signer.hint) {
    bundle.fail("verificationMaterial.publicKey.hint", "names another key than the envelope does");
  }
}

function parseVersion(bundle: Fields): BundleVersion {
  const mediaType = bundle.text("mediaType");
  const version = BUNDLE_VERSIONS.get(mediaType);
  if (version !== undefined) return version;
  const shown = JSON.stringify(mediaType.slice(0, 120));
  throw new CtxPackError(PLACE.code, `${shown} is no sigstore bundle of version 0.1 to 0.3`, {
    hint: "bundles are the files that end in .sigstore.json; a later version needs a later ctxpack",
  });
}

function parseSigner(material: Fields, version: BundleVersion): BundleSigner {
  const kind = oneOf(material, SIGNERS);
  if (kind === "publicKey") {
    return { kind: "key", hint: material.required(kind, ["hint"]).text("hint") };
  }
  if (kind === "certificate") {
    return {
      kind: "certificate",
      chain: [parseCertificate(material.raw(kind), material.place(kind))],
    };
  }
  if (version === "0.3") material.fail(kind, "is not allowed in a bundle of version 0.3");
  const chain = material.required(kind, ["certificates"]);
  const [leaf = chain.fail("certificates", "is empty"), ...rest] = chain
    .list("certificates", CHAIN_LIMIT)
    .map((value, index) => parseCertificate(value, chain.place("certificates", index)));
  return { kind: "certificate", chain: [leaf, ...rest] };
}

function parseCertificate(value: unknown, place: FieldsPlace): Uint8Array {
  const fields = new Fields(value, place, ["rawBytes"]);
  const bytes = fields.bytes("rawBytes");
  if (bytes.length === 0) fields.fail("rawBytes", "is empty");
  return bytes;
}

function parseContent(bundle: Fields): BundleContent {
  const kind = oneOf(bundle, CONTENTS);
  if (kind === "dsseEnvelope") {
    return { kind: "envelope", envelope: parseEnvelope(bundle.raw(kind), bundle.place(kind)) };
  }
  const message = bundle.required(kind, ["messageDigest", "signature"]);
  const digest = message.required("messageDigest", ["algorithm", "digest"]);
  const algorithm = digest.raw("algorithm");
  // In protojson an enumeration is its name or its number.
  if (algorithm !== "SHA2_256" && algorithm !== 1) digest.fail("algorithm", "is not SHA2_256");
  const bytes = digest.bytes("digest");
  const signature = message.bytes("signature");
  if (bytes.length !== 32) digest.fail("digest", "is not the 32 bytes of a SHA-256");
  if (signature.length === 0) message.fail("signature", "is empty");
  return { kind: "message", message: { digest: bytes, signature } };
}

function parseLogEntries(material: Fields, version: BundleVersion): LogEntry[] {
  return material.list("tlogEntries", WITNESS_LIMIT).map((value, index) => {
    const place = material.place("tlogEntries", index);
    const entry = parseLogEntry(value, place);
    const missing = version === "0.1" ? entry.promise === undefined : entry.proof === undefined;
    if (missing) {
      const what = version === "0.1" ? "inclusionPromise" : "inclusionProof";
      throw new CtxPackError(place.code, `${place.path}.${what} is missing`);
    }
    return entry;
  });
}

function parseTimestamps(material: Fields): Uint8Array[] {
  const data = material.message("timestampVerificationData", ["rfc3161Timestamps"]);
  return (data?.list("rfc3161Timestamps", WITNESS_LIMIT) ?? []).map((value, index) => {
    const place = (data as Fields).place("rfc3161Timestamps", index);
    const fields = new Fields(value, place, ["signedTimestamp"]);
    const bytes = fields.bytes("signedTimestamp");
    if (bytes.length === 0) fields.fail("signedTimestamp", "is empty");
    return bytes;
  });
}

/** Which member of a oneof is there. */
function oneOf(fields: Fields, names: readonly string[]): string {
  const [present, other] = names.filter((name) => fields.has(name));
  if (present === undefined) fields.fail(`{${names.join(",")}}`, "is missing");
  if (other !== undefined) fields.fail(other, `stands beside ${present}`);
  return present;
}
