import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";

const CODES: Readonly<Record<string, readonly [CtxPackErrorCode, string]>> = {
  ENOENT: ["CTXPACK_E_PATH_NOT_FOUND", "does not exist"],
  ENOTDIR: ["CTXPACK_E_PATH_NOT_FOUND", "does not exist"],
  ELOOP: ["CTXPACK_E_PATH_NOT_FOUND", "is a link that leads nowhere"],
  ENAMETOOLONG: ["CTXPACK_E_PATH_NOT_FOUND", "is too long a path for this system"],
  EACCES: ["CTXPACK_E_PERMISSION", "is not allowed: permission denied"],
  EPERM: ["CTXPACK_E_PERMISSION", "is not allowed: permission denied"],
  EROFS: ["CTXPACK_E_PERMISSION", "lies on a read-only file system"],
  EISDIR: ["CTXPACK_E_USAGE", "is a folder"],
  ENOSPC: ["CTXPACK_E_NO_SPACE", "cannot be written: no space left"],
  EDQUOT: ["CTXPACK_E_NO_SPACE", "cannot be written: over quota"],
};

/** The CtxPackError for what the system said of `path`; anything else comes back as it is. */
export function systemError(error: unknown, path: string): unknown {
  if (CtxPackError.isInstance(error)) return error;
  const { code: errno } = (error ?? {}) as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : CODES[errno];
  if (known === undefined) return error;
  const [code, what] = known;
  return new CtxPackError(code, `${path} ${what}`, { cause: error, details: { path, errno } });
}
