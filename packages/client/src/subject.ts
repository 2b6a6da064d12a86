import { CtxPackError, type CtxUri, parseUri } from "@ctxpack/identity";
import { parseTarget, type TargetName } from "@ctxpack/oci";

/** What a person may write for a pack: a URI, the first digits of one, or a tag in a pantry. */
export type Subject =
  | { readonly kind: "uri"; readonly uri: CtxUri }
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "tag"; readonly target: TargetName; readonly tag: string };

/**
 * Reads `ctx://sha256:<hex>`, `sha256:<hex>` and `<hex>`, whole or shortened to 6 digits or more, and
 * a tag in a pantry: `oci:DIR:TAG`, `host/repository:TAG`. Throws CTXPACK_E_REFERENCE.
 */
export function parseSubject(text: string): Subject {
  const hex = /^(?:ctx:\/\/)?(?:sha256:)?([0-9a-fA-F]*)$/.exec(text)?.[1]?.toLowerCase();
  if (hex !== undefined) {
    if (hex.length === 64) return { kind: "uri", uri: parseUri(hex) };
    if (hex.length >= 6 && hex.length < 64) return { kind: "prefix", prefix: hex };
    throw malformed(text, "a URI has 64 hex digits, a short one at least 6");
  }
  if (/^oci(-archive)?:|^[^/]+\//.test(text) && !text.startsWith("ctx:")) {
    const target = parseTarget(text);
    const tag = target.kind === "registry" ? target.reference.tag : target.tag;
    if (tag !== undefined) return { kind: "tag", target, tag };
  }
  throw malformed(text, "write ctx://sha256:<hex>, its first digits, or a tag as oci:DIR:TAG");
}

function malformed(text: string, hint: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_REFERENCE", `"${text}" names no pack`, { hint });
}
