import { accessSync, constants, lstatSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { CtxPackError } from "@ctxpack/identity";
import { diskError, errorCode } from "../disk.ts";

const BUSY = 5;

/**
 * An exclusive lock on a file, between processes, between threads and between machines that share
 * the file through NFS with locking.
 *
 * Node.js has no `flock`; SQLite's `BEGIN EXCLUSIVE` is an fcntl lock on the file, and the kernel
 * lets go of it when the process ends in whatever way. So a lock is never stale, nobody has to
 * guess from a pid, a host name or a clock whether the holder still lives, and no heartbeat runs.
 * The file stays empty and stays there: unlinking a lock file is how two come to hold it.
 *
 * POSIX drops all of a process's fcntl locks on a file when it closes *any* descriptor of it.
 * SQLite knows that and takes care; so this file is never opened but through SQLite.
 *
 * Keep the object until `release`: a lock nobody refers to is let go when it is collected.
 */
export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock if it is free, creating the file. Throws CTXPACK_E_PERMISSION when the file may
   * not be written, CTXPACK_E_LAYOUT when it is no empty regular file, CTXPACK_E_UNSUPPORTED when
   * the file system cannot lock.
   */
  static tryAcquire(path: string): FileLock | undefined {
    checkLockFile(path);
    let database: DatabaseSync | undefined;
    try {
      // Loaded by who locks: it is slow, and most never do.
      const sqlite = process.getBuiltinModule("node:sqlite");
      database = new sqlite.DatabaseSync(path, { timeout: 0 });
      // A journal in memory: SQLite then creates no second file beside this one.
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return new FileLock(database);
    } catch (error) {
      database?.close();
      if ((error as { errcode?: unknown }).errcode === BUSY) return undefined;
      throw lockError(error, path);
    }
  }

  /**
   * Waits for the lock, at most `waitMs` milliseconds. Throws CTXPACK_E_LOCKED after that, and what
   * `tryAcquire` throws.
   */
  static async acquire(
    path: string,
    options: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<FileLock> {
    const end = performance.now() + options.waitMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 8)) {
      options.signal?.throwIfAborted();
      const lock = FileLock.tryAcquire(path);
      if (lock !== undefined) return lock;
      if (performance.now() >= end) throw timedOut(path, options.waitMs);
      // Random, so that processes that started together do not stay in step.
      await pauseFor(pause * (0.5 + Math.random()), options.signal);
    }
  }

  /** Lets go. */
  release(): void {
    this.#database.close();
  }
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * A shared folder may hold anything under this name. A link would make us lock and create a file
 * elsewhere; a real database could bring a journal that SQLite would play back. An empty file is
 * neither. SQLite opens what it may not write for reading and then locks nothing, hence the access
 * check.
 */
function checkLockFile(path: string): void {
  try {
    const state = lstatSync(path);
    if (!state.isFile() || state.size !== 0) {
      throw new CtxPackError("CTXPACK_E_LAYOUT", `${path} is not an empty file`, {
        hint: "it is where writers lock; remove what stands there and try again",
        details: { path },
      });
    }
    accessSync(path, constants.W_OK);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw diskError(error, `${path} cannot be locked`, path);
  }
}

function timedOut(path: string, waitMs: number): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_LOCKED",
    `${path} is held by another process; waited ${waitMs / 1000} s`,
    { hint: "wait for the other writer to finish, or end it", details: { path, waitMs } },
  );
}

function lockError(error: unknown, path: string): unknown {
  if (errorCode(error) !== "ERR_SQLITE_ERROR") return diskError(error, `${path}`, path);
  const { errcode, message } = error as { errcode?: number; message: string };
  const options = { cause: error, details: { path, sqlite: errcode } };
  // SQLITE_CANTOPEN: the folder may not be written (the file itself was looked at before).
  if (errcode === 14 || errcode === 8) {
    return new CtxPackError("CTXPACK_E_PERMISSION", `${path} cannot be created or opened`, {
      ...options,
      hint: "check who owns the folder and whether it may be written",
    });
  }
  return new CtxPackError("CTXPACK_E_UNSUPPORTED", `${path} cannot be locked: ${message}`, {
    ...options,
    hint: "the file system may not support locks; use a local disk, or NFS with locking",
  });
}
