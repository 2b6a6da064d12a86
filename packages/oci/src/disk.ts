import { CtxPackError } from "@ctxpack/identity";

/** The `code` of a Node.js system error, e.g. `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/**
 * The CtxPackError for a system error, with the path in its message and details. What is no system
 * error (a CtxPackError, an abort reason, a bug) comes back as it is.
 */
export function diskError(error: unknown, what: string, path: string): unknown {
  if (CtxPackError.isInstance(error)) return error;
  const code = errorCode(error);
  const options = { cause: error, details: { path, errno: code } };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new CtxPackError("CTXPACK_E_NO_SPACE", `${what}: no space left (${code})`, {
        ...options,
        hint: `make room on the disk that holds ${path}`,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new CtxPackError("CTXPACK_E_PERMISSION", `${what}: permission denied (${code})`, {
        ...options,
        hint: `check who owns ${path} and whether it may be written`,
      });
    case "ENOENT":
    case "ENOTDIR":
      return new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        `${what}: no such file (${code})`,
        options,
      );
    case "ENAMETOOLONG":
      return new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        `${what}: the path is too long for this system (${code})`,
        options,
      );
    case "EISDIR":
    case "ENOTEMPTY":
      return new CtxPackError("CTXPACK_E_LAYOUT", `${what}: a folder is in its place (${code})`, {
        ...options,
        hint: `remove or rename the folder ${path}`,
      });
    case "ELOOP":
      return new CtxPackError("CTXPACK_E_LAYOUT", `${what}: it is a symbolic link`, {
        ...options,
        hint: "links inside an image layout are refused; put the real file there",
      });
    default:
      return error;
  }
}
