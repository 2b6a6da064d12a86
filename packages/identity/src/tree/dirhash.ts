import type { Digest } from "../digest.ts";
import { CtxPackError } from "../errors.ts";
import { compareBytewise } from "./order.ts";

/**
 * The lines whose SHA-256 is the `dirHash1` of the given files (DESIGN §4.2): for each, the hex digest,
 * two spaces, the path in NFC and a newline, sorted bytewise by path. The order given does not matter.
 *
 * @throws CtxPackError `CTXPACK_E_TREE` for a path that no line can hold, and for equal paths.
 */
export function dirHashLines(
  files: Iterable<{ readonly path: string; readonly digest: Digest }>,
): Uint8Array {
  const hexOf = new Map<string, string>();
  for (const { path, digest } of files) {
    const name = checkPath(path).normalize("NFC");
    if (hexOf.has(name)) {
      throw pathError(path, "two paths are equal after Unicode normalisation (NFC)");
    }
    hexOf.set(name, digest.slice("sha256:".length));
  }
  const paths = [...hexOf.keys()].sort(compareBytewise);
  return new TextEncoder().encode(paths.map((path) => `${hexOf.get(path)}  ${path}\n`).join(""));
}

function checkPath(path: string): string {
  if (path.includes("\n")) throw pathError(path, "a path has a newline");
  if (!path.isWellFormed()) throw pathError(path, "a path is not valid Unicode");
  return path;
}

function pathError(path: string, what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_TREE", `${what}: ${JSON.stringify(path)}`, {
    details: { path },
  });
}
