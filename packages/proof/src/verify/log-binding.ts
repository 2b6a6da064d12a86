import { createPublicKey, hash, X509Certificate } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import type { LogEntry } from "../bundle/bundle.ts";
import { Fields, type FieldsPlace } from "../bundle/fields.ts";
import { decodeBase64 } from "../dsse/base64.ts";
import type { SignedContent } from "./signed-content.ts";

/** What a log entry says was logged. */
interface LoggedSignature {
  readonly signature: Buffer;
  /** SHA-256 of the payload, or of the bytes that were signed. */
  readonly digest: Buffer;
  readonly digestOf: "payload" | "signed bytes";
  /** A certificate or SPKI, in PEM or DER. */
  readonly verifier: Buffer;
}

/**
 * That an entry is about this signature, of these bytes, by this signer: an entry that only is in the log proves nothing
 * about a bundle into which it was copied (GHSA-whqx-f9j3-ch6m). `signer` is the leaf certificate or the SPKI, DER.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_LOG`, naming the entry.
 */
export function requireBoundEntry(entry: LogEntry, content: SignedContent, signer: Buffer): void {
  const place: FieldsPlace = {
    code: "CTXPACK_E_PROOF_LOG",
    path: `body of log entry ${entry.logIndex}`,
  };
  const logged = readBody(entry, place);
  const expected =
    logged.digestOf === "payload" ? content.payloadDigest : hash("sha256", content.bytes, "buffer");
  if (!logged.signature.equals(content.signature)) throw foreign(place, "another signature");
  if (!logged.digest.equals(expected)) throw foreign(place, `another ${logged.digestOf}`);
  if (!toDer(logged.verifier)?.equals(signer)) throw foreign(place, "another signer");
}

function foreign(place: FieldsPlace, what: string): CtxPackError {
  return new CtxPackError(place.code, `${place.path} is about ${what} than the bundle's`);
}

function readBody(entry: LogEntry, place: FieldsPlace): LoggedSignature {
  const body = new Fields(parseJson(entry.body, { code: place.code, where: place.path }), place);
  const name = `${body.text("kind")} ${body.text("apiVersion")}`;
  if (name !== `${entry.kind} ${entry.version}`) {
    body.fail("kind", `is ${JSON.stringify(name.slice(0, 60))}, the bundle says otherwise`);
  }
  const spec = body.required("spec");
  switch (name) {
    case "dsse 0.0.1":
      return readDsse(spec);
    case "intoto 0.0.2":
      return readIntoto(spec);
    case "hashedrekord 0.0.1":
      return readHashedRekord1(spec);
    case "hashedrekord 0.0.2":
      return readHashedRekord2(spec.required("hashedRekordV002"));
    default:
      return body.fail("kind", `is ${JSON.stringify(name.slice(0, 60))}, which is not known here`);
  }
}

function readDsse(spec: Fields): LoggedSignature {
  const signature = onlySignature(spec);
  const digest = hexDigest(spec.required("payloadHash"));
  return {
    signature: signature.bytes("signature"),
    digest,
    digestOf: "payload",
    verifier: signature.bytes("verifier"),
  };
}

function readIntoto(spec: Fields): LoggedSignature {
  const content = spec.required("content");
  const signature = onlySignature(content.required("envelope"));
  // The log holds the signature's base64 in base64.
  const inner = decodeBase64(signature.bytes("sig").toString("latin1"));
  return {
    signature: inner ?? signature.fail("sig", "is not base64 in base64"),
    digest: hexDigest(content.required("payloadHash")),
    digestOf: "payload",
    verifier: signature.bytes("publicKey"),
  };
}

function readHashedRekord1(spec: Fields): LoggedSignature {
  const signature = spec.required("signature");
  return {
    signature: signature.bytes("content"),
    digest: hexDigest(spec.required("data").required("hash")),
    digestOf: "signed bytes",
    verifier: signature.required("publicKey").bytes("content"),
  };
}

function readHashedRekord2(spec: Fields): LoggedSignature {
  const data = spec.required("data");
  if (data.text("algorithm") !== "SHA2_256") data.fail("algorithm", "is not SHA2_256");
  const signature = spec.required("signature");
  const verifier = signature.required("verifier");
  const key = verifier.message("x509Certificate") ?? verifier.required("publicKey");
  return {
    signature: signature.bytes("content"),
    digest: data.bytes("digest"),
    digestOf: "signed bytes",
    verifier: key.bytes("rawBytes"),
  };
}

function onlySignature(fields: Fields): Fields {
  const [signature, ...others] = fields.list("signatures");
  if (others.length > 0) fields.fail("signatures", "has more than one signature");
  return new Fields(signature, fields.place("signatures", 0));
}

function hexDigest(fields: Fields): Buffer {
  if (fields.text("algorithm") !== "sha256") fields.fail("algorithm", "is not sha256");
  return Buffer.from(fields.text("value"), "hex");
}

/** Rekor v1 logs PEM, v2 DER. */
function toDer(verifier: Buffer): Buffer | undefined {
  const pem = /^-----BEGIN (CERTIFICATE|PUBLIC KEY)-----/.exec(verifier.toString("latin1", 0, 64));
  if (pem === null) return verifier;
  try {
    return pem[1] === "CERTIFICATE"
      ? new X509Certificate(verifier).raw
      : createPublicKey(verifier).export({ type: "spki", format: "der" });
  } catch {
    return undefined;
  }
}
