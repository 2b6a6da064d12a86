import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { LastSeen, SeenTimes } from "./seen.ts";
import type { SeenKey, SeenPack } from "./verdict.ts";

/** What is remembered at most; the longest untouched goes first. */
const MAX_SEEN = 100_000;

/** A change takes milliseconds; who waits this long waits for a stopped process. */
const PATIENCE_MS = 10_000;

/**
 * The times that were accepted, in one SQLite file that any number of processes share. A damaged one is an error and
 * not an empty one: whoever could damage it could make a rollback pass.
 */
export class SeenTimesFile implements SeenTimes, Disposable {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #limit: number;

  private constructor(file: string, database: DatabaseSync, limit: number) {
    this.#file = file;
    this.#database = database;
    this.#limit = limit;
  }

  /**
   * Opens the memory in `file`, which need not exist. `limit` is how many packs are remembered; 100,000.
   *
   * @throws CtxPackError `CTXPACK_E_PERMISSION`, `CTXPACK_E_STORE_DAMAGED`.
   */
  static async open(
    file: string,
    options: { readonly limit?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<SeenTimesFile> {
    options.signal?.throwIfAborted();
    try {
      await mkdir(dirname(file), { recursive: true });
      const { DatabaseSync: Sqlite } = await import("node:sqlite");
      const database = new Sqlite(file, { timeout: PATIENCE_MS });
      database.exec(
        "CREATE TABLE IF NOT EXISTS seen (policy TEXT, pantry TEXT, subject TEXT, time INTEGER, manifest TEXT, used INTEGER, PRIMARY KEY (policy, pantry, subject)) WITHOUT ROWID",
      );
      database.exec("CREATE INDEX IF NOT EXISTS seen_used ON seen (used)");
      return new SeenTimesFile(file, database, options.limit ?? MAX_SEEN);
    } catch (error) {
      throw fileError(error, file);
    }
  }

  last({ policy, pantry, subject }: SeenKey): LastSeen | undefined {
    try {
      const row = this.#database
        .prepare("SELECT time, manifest FROM seen WHERE policy = ? AND pantry = ? AND subject = ?")
        .get(policy, pantry, subject);
      if (row === undefined) return undefined;
      return { time: new Date(Number(row["time"])), manifest: String(row["manifest"]) as Digest };
    } catch (error) {
      throw fileError(error, this.#file);
    }
  }

  async record(
    seen: readonly SeenPack[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    try {
      await this.#begin(options.signal);
      try {
        this.#write(seen);
        this.#database.exec("COMMIT");
      } finally {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      throw fileError(error, this.#file);
    }
  }

  /** Takes the write lock. SQLite would wait for it by blocking the thread. */
  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      signal?.throwIfAborted();
      this.#database.exec("PRAGMA busy_timeout = 0");
      try {
        this.#database.exec("BEGIN IMMEDIATE");
        return;
      } catch (error) {
        if (errorNumber(error) !== BUSY || performance.now() > until) throw error;
      } finally {
        this.#database.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
      }
      await pause(2 + Math.random() * 10, undefined, signal && { signal }).catch(() => undefined);
    }
  }

  /** Closes the file; there is nothing left to write. */
  [Symbol.dispose](): void {
    this.#database.close();
  }

  #write(seen: readonly SeenPack[]): void {
    // Another process may have recorded something newer meanwhile: that stays.
    const put = this.#database.prepare(
      "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (policy, pantry, subject) DO UPDATE SET used = excluded.used, manifest = iif(excluded.time > time, excluded.manifest, manifest), time = max(excluded.time, time)",
    );
    const now = Date.now();
    for (const { key, time, manifest } of seen) {
      put.run(key.policy, key.pantry, key.subject, time.getTime(), manifest, now);
    }
    this.#database
      .prepare(
        "DELETE FROM seen WHERE (policy, pantry, subject) IN (SELECT policy, pantry, subject FROM seen ORDER BY used DESC, time DESC LIMIT -1 OFFSET ?)",
      )
      .run(this.#limit);
  }
}

const NOT_DATABASES: ReadonlySet<number> = new Set([11, 26]);
const BUSY = 5;

/** SQLite's own number of an error, without its extension. */
function errorNumber(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function fileError(error: unknown, file: string): unknown {
  const { code } = error as { code?: unknown };
  const number = errorNumber(error);
  const details = { path: file };
  if (number !== undefined && NOT_DATABASES.has(number)) {
    return new CtxPackError(
      "CTXPACK_E_STORE_DAMAGED",
      `${file}, the memory of what was accepted, is damaged`,
      { cause: error, details, hint: "remove it: older packs are then accepted once more" },
    );
  }
  if (number === BUSY) {
    return new CtxPackError("CTXPACK_E_LOCKED", `${file} is held by another process`, {
      cause: error,
      details,
      hint: "wait for it to finish, or end it",
    });
  }
  if (number === undefined && typeof code !== "string") return error;
  return new CtxPackError("CTXPACK_E_PERMISSION", `${file} cannot be opened or written`, {
    cause: error,
    details,
    hint: "check who owns it and whether it may be written",
  });
}
