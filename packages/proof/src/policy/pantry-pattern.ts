import { resolve, sep } from "node:path";
import { compilePattern } from "@ctxpack/identity";

/** Which pantries a rule is about. */
export interface PantryPattern {
  /** As it was written. */
  readonly text: string;
  /** Whether it matches `host/repository`, `oci:DIR` or `oci-archive:FILE`; paths are absolute. */
  matches(address: string): boolean;
}

/**
 * Compiles a pattern over pantries: of repositories as in a contract's patterns, of folders with the part before
 * the first `*` or `?` relative to `folder`.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` as `compilePattern`.
 */
export function compilePantryPattern(text: string, folder: string): PantryPattern {
  const [, scheme, path] = /^(oci|oci-archive):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined || path === undefined) {
    const pattern = compilePattern(text);
    return { text, matches: (address) => !isPath(address) && pattern.matches(nfc(address)) };
  }
  // A folder's name may have characters that are special in a pattern: it is compared, not matched.
  const segments = path.split("/");
  const first = segments.findIndex((segment) => /[*?]/.test(segment));
  const base = first < 0 ? path : segments.slice(0, first).join("/") || (first > 0 ? "/" : ".");
  const rest = first < 0 ? undefined : compilePattern(segments.slice(first).join("/"));
  const prefix = `${scheme}:${slashed(resolve(folder, base))}`;
  return {
    text,
    matches(address) {
      const given = nfc(slashed(address));
      if (rest === undefined) return given === nfc(prefix);
      const inside = nfc(prefix).replace(/\/?$/, "/");
      return given.startsWith(inside) && rest.matches(given.slice(inside.length));
    },
  };
}

function isPath(address: string): boolean {
  return /^oci(?:-archive)?:/.test(address);
}

function slashed(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/");
}

function nfc(text: string): string {
  return text.normalize("NFC");
}
