import { randomUUID } from "node:crypto";
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { CtxPackError, canonicalize, type JsonValue } from "@ctxpack/identity";
import { LOCK_SCHEMA, LOCK_SCHEMA_URI, type Lock, type LockedPack, MAX_LOCK } from "./lock.ts";
import { parseLock } from "./parse.ts";

/** How a file is read or written. */
export interface LockFileOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a lock file; a missing one is empty.
 *
 * @throws CtxPackError as `parseLock`, and `CTXPACK_E_CONFIG` when it cannot be read.
 */
export async function readLock(file: string, options: LockFileOptions = {}): Promise<Lock> {
  const { signal } = options;
  try {
    const { size } = await stat(file);
    if (size > MAX_LOCK) {
      const message = `${file} has ${size} bytes; no lock file has more than ${MAX_LOCK}`;
      throw new CtxPackError("CTXPACK_E_CONFIG", message);
    }
    return parseLock(await readFile(file, { signal }), file);
  } catch (error) {
    signal?.throwIfAborted();
    if (CtxPackError.isInstance(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { file, packs: new Map() };
    throw fileError(error, file, "cannot be read");
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
  const temporary = `${target}.${randomUUID()}`;
  try {
    await writeSynced(temporary, formatLock(lock));
    signal?.throwIfAborted();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    signal?.throwIfAborted();
    throw fileError(error, lock.file, "cannot be written");
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

async function writeSynced(file: string, text: string): Promise<void> {
  await using handle = await open(file, "wx");
  await handle.writeFile(text);
  await handle.sync();
}

function fileError(error: unknown, file: string, what: string): CtxPackError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const known = {
    ENOENT: "CTXPACK_E_PATH_NOT_FOUND",
    ENOSPC: "CTXPACK_E_NO_SPACE",
    EDQUOT: "CTXPACK_E_NO_SPACE",
  } as const;
  return new CtxPackError(
    known[code as keyof typeof known] ?? "CTXPACK_E_PERMISSION",
    `${file} ${what}: ${code}`,
    { cause: error, details: { path: file, errno: code } },
  );
}
