import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CtxPackError } from "@ctxpack/identity";

const refused: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS"]);
const full: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
const exhausted: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** The `code` of a system error, if `error` is one. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** What `error` means when it came from `doing` something to `path`; unknown errors stay as they are. */
export function diskError(error: unknown, doing: string, path: string): unknown {
  const code = systemCode(error);
  if (CtxPackError.isInstance(error) || code === undefined) return error;
  const details = { path, system: code };
  if (refused.has(code)) {
    return new CtxPackError("CTXPACK_E_PERMISSION", `${doing} ${path}: permission denied`, {
      hint:
        code === "EROFS"
          ? "the file system is read-only; choose another folder (CTXPACK_CACHE_DIR for the store)"
          : "check who owns the folder, or choose another one (CTXPACK_CACHE_DIR for the store)",
      cause: error,
      details,
    });
  }
  if (full.has(code)) {
    return new CtxPackError("CTXPACK_E_NO_SPACE", `${doing} ${path}: no space left`, {
      hint: "free some space on that disk, or choose another folder (CTXPACK_CACHE_DIR for the store)",
      cause: error,
      details,
    });
  }
  if (code === "ENAMETOOLONG") {
    return new CtxPackError("CTXPACK_E_UNSUPPORTED", `${doing} ${path}: the path is too long`, {
      hint: "choose a folder with a shorter path (CTXPACK_CACHE_DIR for the store)",
      cause: error,
      details,
    });
  }
  if (exhausted.has(code)) {
    return new CtxPackError("CTXPACK_E_UNSUPPORTED", `${doing} ${path}: too many open files`, {
      hint: "raise the limit (ulimit -n), or close what is open",
      cause: error,
      details,
    });
  }
  return error;
}

/** Whether an error came from the disk, `diskError` or not: what was read or written is not to blame. */
export function isOfDisk(error: unknown): boolean {
  if (CtxPackError.isInstance(error)) return error.details["system"] !== undefined;
  return error instanceof Error && "syscall" in error;
}

/** Runs `work`; what the disk refuses in it becomes an error that names `path`. */
export function onDisk<T>(doing: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(error, doing, path);
  }
}

/** Whether the disk refused something to this user, as it does with what is another user's; a read-only disk is another matter. */
export function isRefusal(error: unknown): boolean {
  const code = CtxPackError.isInstance(error) ? error.details["system"] : systemCode(error);
  return code === "EACCES" || code === "EPERM";
}

/** Runs `work`; `undefined` when the disk refuses it to this user. */
export function unlessRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

/** Runs `work`; `undefined` when what it looks for is not there. */
export function unlessMissing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * Makes a folder and those above it that are missing; one that is there is fine. Node's own recursive
 * `mkdir` says ENOENT on a read-only disk.
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    makeOne(path, mode);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    // Once only: under /proc a folder cannot be made though the one above it is there.
    makeOne(path, mode);
  }
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Makes the names in a folder survive a power cut, where the platform can. */
export function syncFolder(dir: string): void {
  // Windows has no handle for a folder; its journal keeps renames in order.
  if (process.platform === "win32") return;
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
