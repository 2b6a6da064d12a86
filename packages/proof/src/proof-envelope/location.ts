import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { CtxPackError } from "@ctxpack/identity";

/** A path as an envelope names it: relative to `base`, with `/`. Throws CTXPACK_E_USAGE on another drive. */
export function relativePath(path: string, base: string): string {
  const found = relative(resolve(base), resolve(base, path));
  if (isAbsolute(found)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${path} lies on another drive than ${base}`, {
      hint: "an envelope names files relative to its own folder",
    });
  }
  return found.split(sep).join("/");
}

/** The same as a relative URI reference. */
export function relativeUri(path: string, base: string): string {
  const uri = relativePath(path, base).split("/").map(encodeURIComponent).join("/");
  // `a:b` would be a scheme.
  return /^[^/]*:/.test(uri) ? `./${uri}` : uri;
}

/** What an envelope's URI leads to: a file and, behind `#`, a part of it. */
export interface Location {
  readonly path: string;
  readonly fragment: string | undefined;
}

/**
 * The file that a URI of an envelope names. Only envelopes of the earlier system may name it absolutely.
 * Nothing when it is no file: another scheme.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE` for a URI that is malformed or must not stand there.
 */
export function locate(uri: string, base: string, earlier: boolean): Location | undefined {
  const hash = uri.indexOf("#");
  const bare = hash === -1 ? uri : uri.slice(0, hash);
  const fragment = hash === -1 ? undefined : uri.slice(hash + 1);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(bare)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "file") return undefined;
  try {
    const path = scheme === "file" ? fileURLToPath(bare) : decodeURIComponent(bare);
    return { path: locatePath(path, base, earlier), fragment };
  } catch (cause) {
    if (CtxPackError.isInstance(cause)) throw cause;
    throw refused(uri, "is no URI of a file", cause);
  }
}

/** The file that a path of an envelope names. Throws like {@link locate}. */
export function locatePath(path: string, base: string, earlier: boolean): string {
  if (path.includes("\0")) throw refused(path, "has a NUL");
  if (!earlier && isAbsolute(path)) throw refused(path, "is absolute");
  return resolve(base, path);
}

function refused(what: string, message: string, cause?: unknown): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PROOF_BUNDLE",
    `${JSON.stringify(what.slice(0, 200))} ${message}`,
    { hint: "files are named relative to the envelope's folder", cause },
  );
}
