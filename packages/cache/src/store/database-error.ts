import { closeSync, openSync, writeSync } from "node:fs";
import { CtxPackError } from "@ctxpack/identity";
import { clear } from "./clear.ts";
import { diskError, systemCode } from "./disk.ts";

const BUSY = 5;
const READ_ONLY = 8;
const IO = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/** Whether SQLite says that the file is none of its own, or is broken. */
export function isDamage(error: unknown): boolean {
  const code = errorNumber(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

/** Whether SQLite has to write and may not: also to read, after a kill has left a journal that is to be rolled back. */
export function isReadOnly(error: unknown): boolean {
  return errorNumber(error) === READ_ONLY;
}

/** Whether somebody else has the lock. */
export function isBusy(error: unknown): boolean {
  return errorNumber(error) === BUSY;
}

/** What a person can do something about, as what it is on a disk; anything else as it is. */
export function databaseError(error: unknown, path: string): unknown {
  const code = errorNumber(error);
  if (code === BUSY) return locked(path);
  const system = systemCodeOf(code, path);
  const refusal = Object.assign(new Error(system, { cause: error }), { code: system });
  const known = diskError(refusal, "opening", path);
  return CtxPackError.isInstance(known) ? known : error;
}

/** Nobody lets go of the lock. */
export function locked(path: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_LOCKED", `${path} is locked by another process for a minute`, {
    hint: "see which process has it open; a store on a network file system is not supported",
    details: { path },
  });
}

function systemCodeOf(code: number | undefined, path: string): string | undefined {
  if (code === READ_ONLY) return "EROFS";
  if (code === FULL) return "ENOSPC";
  return code === CANNOT_OPEN || code === IO ? refusalAt(path) : undefined;
}

/**
 * Why the disk refuses to have `path` opened or something written beside it: no room, no inode, a quota, no permission,
 * too many open files. SQLite knows, and does not tell.
 */
function refusalAt(path: string): string | undefined {
  const beside = `${path}.probe-${crypto.randomUUID().slice(0, 8)}`;
  try {
    closeSync(openSync(path, "a", 0o644));
    const fd = openSync(beside, "wx", 0o600);
    try {
      writeSync(fd, new Uint8Array(1 << 16));
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (error) {
    return systemCode(error);
  } finally {
    tidy(beside);
  }
}

function tidy(path: string): void {
  try {
    clear(path);
  } catch {
    // On a disk that may not be written there is nothing to clear.
  }
}

function errorNumber(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
