import { CtxPackError } from "@ctxpack/identity";
import { DER_TAGS, readDer, readOne, utf8 } from "./der.ts";

/** Who a certificate says that its key belongs to. */
export interface CertificateIdentity {
  /** Subject alternative name. */
  readonly identity: string;
  /** OIDC issuer. */
  readonly issuer: string;
  /** Fulcio's extensions, decoded, by OID. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** An extension of a certificate: OID in dots, and its contents. */
export type CertificateExtension = readonly [oid: string, value: Buffer];

const FULCIO = "1.3.6.1.4.1.57264.1.";
const ISSUER_V1 = `${FULCIO}1`;
const ISSUER_V2 = `${FULCIO}8`;
const SUBJECT_ALT_NAME = "2.5.29.17";

/** `1.3.6.1.4.1.57264.1.7`, the type of a user name in an otherName, in DER. */
const USER_NAME = Buffer.from("2b0601040183bf300107", "hex");

/**
 * The identity in a Fulcio certificate's extensions. Extensions 1 to 6 are bare text, the later ones a DER UTF8String; what
 * is neither is left out, so that no policy can be met by it.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_CERTIFICATE` without exactly one name that can be read, without an issuer, and for
 *   an extension that is there twice.
 */
export function certificateIdentity(
  extensions: readonly CertificateExtension[],
): CertificateIdentity {
  const values = new Map<string, Buffer>();
  for (const [oid, value] of extensions) {
    if (values.has(oid)) throw refused(`has the extension ${oid} twice`);
    values.set(oid, value);
  }
  const fulcio: Record<string, string> = {};
  for (const [oid, value] of values) {
    const text = oid.startsWith(FULCIO) ? decodeExtension(oid, value) : undefined;
    if (text !== undefined) fulcio[oid] = text;
  }
  // What has the newer extension is not read by the older one, whatever it holds.
  const issuer = fulcio[values.has(ISSUER_V2) ? ISSUER_V2 : ISSUER_V1];
  if (!issuer) throw refused("names no OIDC issuer");
  return { identity: subjectName(values.get(SUBJECT_ALT_NAME)), issuer, extensions: fulcio };
}

function decodeExtension(oid: string, value: Buffer): string | undefined {
  const number = Number(oid.slice(FULCIO.length));
  if (number <= 6) return utf8(value);
  const contents = readOne(value, DER_TAGS.utf8String);
  return contents && utf8(contents);
}

/** RFC 5280 §4.2.1.6: mail addresses and URIs are ASCII. */
function subjectName(extension: Buffer | undefined): string {
  const sequence = extension && readOne(extension, DER_TAGS.sequence);
  const names = sequence && readDer(sequence);
  const [name] = names ?? [];
  if (names?.length !== 1 || name === undefined) {
    throw refused("does not have exactly one subject alternative name");
  }
  const text = generalName(name.tag, name.contents);
  if (!text) throw refused("has a subject alternative name that cannot be read");
  return text;
}

function generalName(tag: number, contents: Buffer): string | undefined {
  switch (tag) {
    case 0x81: // rfc822Name
    case 0x86: // uniformResourceIdentifier
      return contents.every((byte) => byte > 0x1f && byte < 0x7f)
        ? contents.toString("latin1")
        : undefined;
    case 0xa0: {
      // otherName: the type, then the value in [0].
      const [type, value, ...more] = readDer(contents) ?? [];
      if (type?.tag !== DER_TAGS.objectId || !type.contents.equals(USER_NAME)) return undefined;
      if (value?.tag !== 0xa0 || more.length > 0) return undefined;
      const name = readOne(value.contents, DER_TAGS.utf8String);
      return name && utf8(name);
    }
    default:
      return undefined;
  }
}

function refused(what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_PROOF_CERTIFICATE", `the signer's certificate ${what}`);
}
