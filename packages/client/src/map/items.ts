import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError, type Digest } from "@ctxpack/identity";

/** One file of the mapped input. */
export interface InputFile {
  /** Relative to the input's root, with `/`, in NFC. */
  readonly path: string;
  readonly digest: Digest;
}

/** Where the files of an input are, and which of them count. */
export interface InputPattern {
  readonly root: string;
  readonly include: readonly string[];
}

/**
 * The folder before the first segment with a wildcard, and the rest: `docs/*.pdf` is `docs` and `*.pdf`. Without
 * a wildcard it is a folder, and all its files count.
 */
export function splitPattern(text: string): InputPattern {
  const segments = text.split("/");
  const first = segments.findIndex((segment) => /[*?]/.test(segment));
  if (first < 0) return { root: text, include: [] };
  const root = segments.slice(0, first).join("/");
  const include = [segments.slice(first).join("/")];
  if (root === "") return { root: text.startsWith("/") ? "/" : ".", include };
  return { root, include };
}

/** The files that the lines of a `dirHash1` name, sorted bytewise by path. */
export function filesOfLines(lines: Uint8Array): readonly InputFile[] {
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString("utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => ({ digest: `sha256:${line.slice(0, 64)}`, path: line.slice(66) }));
}

/** Where a file of an input is on this disk: names are compared in NFC, and may be written otherwise. */
export function locateFile(root: string, path: string): string {
  const plain = join(root, path);
  if (isThere(plain)) return plain;
  let at = root;
  for (const segment of path.split("/")) {
    const exact = join(at, segment);
    const spelled = isThere(exact)
      ? segment
      : namesIn(at).find((n) => n.normalize("NFC") === segment);
    if (spelled === undefined) {
      throw new CtxPackError("CTXPACK_E_TREE", `${plain} is gone`, {
        hint: "let whatever writes there finish, then run it again",
        details: { path: plain },
      });
    }
    at = join(at, spelled);
  }
  return at;
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
