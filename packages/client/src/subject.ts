import { CtxPackError, type CtxUri, parseUri } from "@ctxpack/identity";
import { parseTarget, type TargetName } from "@ctxpack/oci";

/** What a person may write for a pack: a URI, the first digits of one, a tag in a pantry, its contract. */
export type Subject =
  | { readonly kind: "uri"; readonly uri: CtxUri }
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "tag"; readonly target: TargetName; readonly tag: string }
  | { readonly kind: "contract"; readonly file: string };

/** A contract file by its name; a colon is what a tag in a pantry has, and a drive of Windows. */
const CONTRACT_FILE = /^(?:[A-Za-z]:[\\/])?[^:]*\.(?:json|ya?ml)$/;

/**
 * Reads `ctx://sha256:<hex>`, `sha256:<hex>` and `<hex>`, whole or shortened to 6 digits or more, and
 * a tag in a pantry: `oci:DIR:TAG`, `host/repository:TAG`, and the name of a contract file: `*.yaml`,
 * `*.yml`, `*.json`. Throws CTXPACK_E_REFERENCE.
 */
export function parseSubject(text: string): Subject {
  const hex = /^(?:ctx:\/\/)?(?:sha256:)?([0-9a-fA-F]*)$/.exec(text)?.[1]?.toLowerCase();
  if (hex !== undefined) {
    if (hex.length === 64) return { kind: "uri", uri: parseUri(hex) };
    if (hex.length >= 6 && hex.length < 64) return { kind: "prefix", prefix: hex };
    throw malformed(text, "a URI has 64 hex digits, a short one at least 6");
  }
  if (CONTRACT_FILE.test(text)) return { kind: "contract", file: text };
  if (/^oci(-archive)?:|^[^/]+\//.test(text) && !text.startsWith("ctx:")) {
    const target = parseTarget(text);
    const tag = target.kind === "registry" ? target.reference.tag : target.tag;
    if (tag !== undefined) return { kind: "tag", target, tag };
  }
  throw malformed(
    text,
    "write ctx://sha256:<hex>, its first digits, a contract file, or a tag as oci:DIR:TAG",
  );
}

function malformed(text: string, hint: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_REFERENCE", `"${text}" names no pack`, { hint });
}
