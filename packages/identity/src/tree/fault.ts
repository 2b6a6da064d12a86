import { CtxPackError } from "../errors.ts";

/** Node's error code (`ENOENT`, …), if it is one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** A rule of DESIGN §4.2 that the tree breaks, on the named path. */
export function treeError(
  path: string,
  message: string,
  options: { hint?: string; cause?: unknown; details?: Record<string, unknown> } = {},
): CtxPackError {
  return new CtxPackError("CTXPACK_E_TREE", message, {
    hint: options.hint,
    details: { path, ...options.details },
    ...("cause" in options ? { cause: options.cause } : {}),
  });
}

/** Something is no longer what it was when the walk listed it. */
export function changedError(path: string, details: Record<string, unknown> = {}): CtxPackError {
  return treeError(path, `${show(path)} changed while it was read`, {
    hint: "hash it again when nothing writes to it, or exclude it",
    details,
  });
}

/** What it means that the file system refused to open, list or read the thing at `path`. */
export function readError(path: string, cause: unknown): unknown {
  if (CtxPackError.isInstance(cause)) return cause;
  switch (errnoOf(cause)) {
    case "EACCES":
    case "EPERM":
      return new CtxPackError("CTXPACK_E_PERMISSION", `${show(path)} may not be read`, {
        hint: "every file of the tree counts: make it readable, or exclude it",
        cause,
        details: { path },
      });
    case "ENOENT":
    case "ENOTDIR":
    case "ENXIO":
      return treeError(path, `${show(path)} went away while the folder was read`, {
        hint: "hash it again when nothing writes to it",
        cause,
      });
    case "ENAMETOOLONG":
      return treeError(path, `${show(path)} is too long a path for this system`, { cause });
    case undefined:
      return cause;
    default:
      return treeError(path, `${show(path)} cannot be read: ${(cause as Error).message}`, {
        cause,
      });
  }
}

/** A path as a message shows it: as it is, or quoted where it has control characters. */
export function show(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal.
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path) ? JSON.stringify(path) : path;
}
