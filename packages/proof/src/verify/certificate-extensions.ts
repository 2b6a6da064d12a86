import type { CertificateExtension } from "./certificate-identity.ts";
import { DER_TAGS, readDer, readOne } from "./der.ts";

/** Of a certificate's to-be-signed part, `[3]`: its extensions. */
const EXTENSIONS = 0xa3;

/** The extensions of a certificate (RFC 5280 §4.1), DER; `undefined` for bytes that are none. Nothing is verified. */
export function certificateExtensions(der: Buffer): readonly CertificateExtension[] | undefined {
  const [toBeSigned] = sequence(der) ?? [];
  if (toBeSigned?.tag !== DER_TAGS.sequence) return undefined;
  const members = readDer(toBeSigned.contents);
  const tagged = members?.find(({ tag }) => tag === EXTENSIONS);
  const list = tagged && sequence(tagged.contents);
  return list?.flatMap(({ contents }) => {
    const [type, ...rest] = readDer(contents) ?? [];
    // Whether it is critical may stand in between.
    const value = rest.at(-1);
    if (type?.tag !== DER_TAGS.objectId || value?.tag !== DER_TAGS.octetString) return [];
    return [[objectId(type.contents), value.contents] as const];
  });
}

function sequence(bytes: Buffer): ReturnType<typeof readDer> {
  const contents = readOne(bytes, DER_TAGS.sequence);
  return contents && readDer(contents);
}

/** In dots, as everybody writes them (X.690 §8.19): seven bits of an arc in each octet, the first two arcs in one. */
function objectId(contents: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of contents) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...others] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...others].join(".");
}
