import { Fields, type FieldsPlace } from "../bundle/fields.ts";
import { encodeBase64 } from "./base64.ts";

/** A DSSE envelope with exactly one signature, which is what a sigstore bundle holds; its bytes are decoded. */
export interface Envelope {
  readonly payloadType: string;
  /** What was signed, by way of {@link preAuthEncoding}; whoever checked the signature uses these bytes and no others. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Which key it may have been; nothing vouches for it. Empty when the envelope names none. */
  readonly keyId: string;
}

/**
 * Reads the JSON of an envelope (protojson). Throws `place.code` for unknown members, for base64 that is not exact, and
 * for anything but one signature.
 */
export function parseEnvelope(value: unknown, place: FieldsPlace): Envelope {
  const fields = new Fields(value, place, ["payload", "payloadType", "signatures"]);
  const payload = fields.bytes("payload");
  const payloadType = fields.text("payloadType");
  const signatures = fields.list("signatures");
  if (payload.length === 0) fields.fail("payload", "is empty");
  if (payloadType === "") fields.fail("payloadType", "is empty");
  if (signatures.length !== 1) {
    fields.fail("signatures", `has ${signatures.length} signatures, a bundle has exactly one`);
  }
  const signature = new Fields(signatures[0], fields.place("signatures", 0), ["sig", "keyid"]);
  const bytes = signature.bytes("sig");
  if (bytes.length === 0) signature.fail("sig", "is empty");
  return { payloadType, payload, signature: bytes, keyId: signature.text("keyid") };
}

/** The JSON of an envelope, in the order and with the base64 that cosign and GitHub write. */
export function envelopeJson(envelope: Envelope): object {
  const sig = encodeBase64(envelope.signature);
  return {
    payload: encodeBase64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: [envelope.keyId === "" ? { sig } : { sig, keyid: envelope.keyId }],
  };
}
