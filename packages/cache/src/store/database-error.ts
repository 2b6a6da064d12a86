import { diskError } from "./disk.ts";

const BUSY = 5;
const READ_ONLY = 8;
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
  const known = { [READ_ONLY]: "EROFS", [CANNOT_OPEN]: "EACCES", [FULL]: "ENOSPC" }[code ?? 0];
  if (known === undefined) return error;
  return diskError(
    Object.assign(new Error(known, { cause: error }), { code: known }),
    "opening",
    path,
  );
}

function errorNumber(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
