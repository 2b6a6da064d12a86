import { realpath } from "node:fs/promises";
import { CtxPackError, canonicalize, type JsonValue } from "@ctxpack/identity";
import { readBounded } from "../file/read-bounded.ts";
import { systemError } from "../file/system-error.ts";
import { writeWhole } from "../file/write-whole.ts";
import { LOCK_SCHEMA, LOCK_SCHEMA_URI, type Lock, type LockedPack, MAX_LOCK } from "./lock.ts";
import { parseLock } from "./parse.ts";

/** How a file is read or written. */
export interface LockFileOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a lock file; a missing one is empty.
 *
 * @throws CtxPackError as `parseLock`; `CTXPACK_E_CONFIG` when it is no file or too long, `CTXPACK_E_PERMISSION`.
 */
export async function readLock(file: string, options: LockFileOptions = {}): Promise<Lock> {
  const { signal } = options;
  try {
    const limit = { most: MAX_LOCK, code: "CTXPACK_E_CONFIG", signal } as const;
    return parseLock(await readBounded(file, limit), file);
  } catch (error) {
    const isMissing = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PATH_NOT_FOUND";
    if (isMissing) return { file, packs: new Map() };
    throw error;
  }
}

/**
 * Writes a lock file in place of what is there, in one rename. The same pins give the same bytes: one line for each
 * fact, sorted, so that a change in version control shows what changed.
 *
 * @throws CtxPackError `CTXPACK_E_PERMISSION`, `CTXPACK_E_NO_SPACE` or `CTXPACK_E_PATH_NOT_FOUND`.
 */
export async function writeLock(lock: Lock, options: LockFileOptions = {}): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  // A link stays one: what it leads to is replaced.
  const target = await realpath(lock.file).catch(() => lock.file);
  try {
    await writeWhole(target, formatLock(lock), { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw systemError(error, lock.file);
  }
}

/** The text of a lock file. */
export function formatLock({ packs }: Lock): string {
  const pins = [...packs].sort(([a], [b]) => (a < b ? -1 : 1));
  const value = {
    $schema: LOCK_SCHEMA_URI,
    schema: LOCK_SCHEMA,
    packs: Object.fromEntries(pins.map(([uri, pack]) => [uri, writtenPin(pack)])),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function writtenPin({ manifest, bundles, signers, policies, time }: LockedPack): object {
  const lines = signers.map((signer) => canonicalize(signer as unknown as JsonValue));
  return {
    manifest,
    bundles: sorted(bundles),
    signers: sorted(lines).map((line) => JSON.parse(line) as object),
    policies: sorted(policies),
    ...(time && { time: time.toISOString() }),
  };
}

function sorted<T extends string>(items: readonly T[]): readonly T[] {
  return [...new Set(items)].sort();
}
