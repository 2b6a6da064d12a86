import { CtxPackError } from "@ctxpack/identity";
import { LIMITS } from "./limits.ts";

/** Who is told: the one who seeds a tree, or the one who reads a pack. The rules are the same. */
export type TreeErrorCode = "CTXPACK_E_TREE" | "CTXPACK_E_PACK";

/** An entry that breaks a rule of DESIGN §5, "Paths". */
export function refuseEntry(code: TreeErrorCode, path: string, why: string): CtxPackError {
  const shown = JSON.stringify(path.length > 300 ? `${path.slice(0, 300)}…` : path);
  return new CtxPackError(code, `${shown} ${why}`, {
    hint:
      code === "CTXPACK_E_TREE"
        ? "rename or remove it, then seed again"
        : "the pack breaks the format: ask whoever pushed it to seed it again",
    details: { path },
  });
}

/**
 * Checks one path of an entry and returns its length in UTF-8 bytes (equal to `path.length` exactly
 * when the path is ASCII). `\` is an ordinary byte here; whoever writes to a file system that splits
 * on it refuses it there.
 */
export function checkPath(path: string, code: TreeErrorCode): number {
  const bytes = Buffer.byteLength(path);
  if (bytes > LIMITS.path) {
    throw refuseEntry(code, path, `is ${bytes} bytes long, at most ${LIMITS.path} are allowed`);
  }
  if (bytes !== path.length && !path.isWellFormed()) {
    throw refuseEntry(code, path, "is not valid UTF-8");
  }
  if (path.charCodeAt(1) === 0x3a && /^[A-Za-z]:/.test(path)) {
    throw refuseEntry(code, path, "starts with a drive letter");
  }
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    const unit = at === path.length ? 0x2f : path.charCodeAt(at);
    if (unit === 0) throw refuseEntry(code, path, "holds a NUL byte");
    if (unit === 0x0a) throw refuseEntry(code, path, "holds a newline");
    if (unit !== 0x2f) continue;
    checkSegment(path, start, at, code);
    start = at + 1;
  }
  return bytes;
}

function checkSegment(path: string, start: number, end: number, code: TreeErrorCode): void {
  const length = end - start;
  if (length === 0) {
    throw refuseEntry(code, path, start === 0 ? "is absolute or empty" : "has an empty segment");
  }
  if (length <= 2 && path.charCodeAt(start) === 0x2e && path.charCodeAt(end - 1) === 0x2e) {
    throw refuseEntry(code, path, `has the segment ${JSON.stringify(path.slice(start, end))}`);
  }
  // A UTF-16 unit is at most three bytes of UTF-8, so most segments need not be measured.
  if (length * 3 > LIMITS.pathSegment) {
    const bytes = Buffer.byteLength(path.slice(start, end));
    if (bytes > LIMITS.pathSegment) {
      const most = `at most ${LIMITS.pathSegment} are allowed`;
      throw refuseEntry(code, path, `has a segment of ${bytes} bytes, ${most}`);
    }
  }
}

/** Checks the form of a link's target and returns its length in UTF-8 bytes; see `Links` for where it leads. */
export function checkTarget(path: string, target: string, code: TreeErrorCode): number {
  const bytes = Buffer.byteLength(target);
  if (bytes === 0 || bytes > LIMITS.linkTarget) {
    const range = `1 to ${LIMITS.linkTarget} are allowed`;
    throw refuseEntry(code, path, `is a link whose target is ${bytes} bytes long, ${range}`);
  }
  if (bytes !== target.length && !target.isWellFormed()) {
    throw refuseEntry(code, path, "is a link whose target is not valid UTF-8");
  }
  if (target.includes("\0")) throw refuseEntry(code, path, "is a link whose target holds a NUL");
  return bytes;
}
