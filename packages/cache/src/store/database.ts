import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { CtxPackError, type CtxUri, type Digest, isDigest, sha256 } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { databaseError, isBusy, isDamage } from "./database-error.ts";
import { unlessMissing } from "./disk.ts";

/** How long a lock is waited for; what is done under it takes milliseconds. */
const PATIENCE_MS = 60_000;

/** A segment or index that is stored: its uncompressed digest, and the blob that holds it. */
export interface Frame {
  readonly raw: Digest;
  readonly blob: Digest;
  /** Of the blob, in bytes. */
  readonly size: number;
}

/** What a map of a family became. */
export interface FamilyMember {
  /** Its name: 64 hex digits, or one that a person chose. */
  readonly family: string;
  readonly uri: CtxUri;
  /** Of the pack here. */
  readonly manifest: Digest;
  /** log2 of the average segment it was cut with, when that was here. */
  readonly exponent?: number | undefined;
}

/** So many packs of a family are looked at for results. */
const FAMILY_SIZE = 4;

/**
 * The store's SQLite file. It is a lock that the kernel drops when its holder dies, and the memory of
 * which blob holds which uncompressed bytes. Both only save work: a database that is lost or damaged is
 * made anew, and every remembered row carries a check of its own.
 */
export class Database {
  readonly #path: string;
  #open: DatabaseSync | undefined;
  #select: StatementSync | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Runs `work` while no other process or caller is in `exclusive` of this store. `work` is synchronous
   * and short: everybody else waits. Throws `CTXPACK_E_LOCKED` after a minute.
   */
  async exclusive<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      signal?.throwIfAborted();
      const db = await this.#connect();
      if (begin(db, this.#path)) return commit(db, work, this.#path);
      if (performance.now() > until) throw locked(this.#path);
      await pause(2 + Math.random() * 20, undefined, signal && { signal }).catch(() => undefined);
    }
  }

  /** The blob known to hold these uncompressed bytes. */
  async frame(raw: Digest): Promise<{ digest: Digest; size: number } | undefined> {
    const row = await this.#find(raw);
    if (row === undefined) return undefined;
    const frame = { raw, blob: row["blob"] as Digest, size: Number(row["size"]) };
    // A page that rotted must not put one segment in the place of another.
    return row["proof"] === proofOf(frame) ? { digest: frame.blob, size: frame.size } : undefined;
  }

  /** Remembers frames whose raw digests were computed or checked by us. */
  async remember(frames: readonly Frame[], signal?: AbortSignal): Promise<void> {
    try {
      await this.exclusive(() => {
        const insert = this.#open?.prepare(
          "INSERT OR REPLACE INTO frame (raw, blob, size, proof) VALUES (?, ?, ?, ?)",
        );
        for (const f of frames) insert?.run(f.raw, f.blob, f.size, proofOf(f));
      }, signal);
    } catch (error) {
      this.#forget(error);
    }
  }

  /** For each segment, by its uncompressed digest, the tree of a folder that has its files. */
  async homes(raws: readonly Digest[]): Promise<(Digest | undefined)[]> {
    const db = await this.#connect();
    try {
      const select = db.prepare("SELECT tree FROM home WHERE raw = ?");
      return raws.map((raw) => {
        const tree = select.get(raw)?.["tree"];
        // What it leads to is compared byte by byte: a row that rotted needs no check of its own.
        return isDigest(tree) ? tree : undefined;
      });
    } catch (error) {
      this.#forget(error);
      return raws.map(() => undefined);
    }
  }

  /** Remembers that the folder of a tree has the files of these segments. */
  async settle(raws: readonly Digest[], tree: Digest, signal?: AbortSignal): Promise<void> {
    try {
      await this.exclusive(() => {
        const insert = this.#open?.prepare("INSERT OR REPLACE INTO home (raw, tree) VALUES (?, ?)");
        for (const raw of raws) insert?.run(raw, tree);
      }, signal);
    } catch (error) {
      this.#forget(error);
    }
  }

  /** The packs that the maps of a family became here, the last one first. */
  async family(family: string): Promise<CtxUri[]> {
    const db = await this.#connect();
    try {
      const rows = db
        .prepare("SELECT uri FROM family WHERE family = ? ORDER BY at DESC LIMIT ?")
        .all(family, FAMILY_SIZE);
      return rows.map((row) => row["uri"] as CtxUri);
    } catch (error) {
      this.#forget(error);
      return [];
    }
  }

  /** Remembers what a map became, and how it was cut; what is known of that already stays. */
  async joinFamily(member: FamilyMember, signal?: AbortSignal): Promise<void> {
    const { family, uri, manifest, exponent = 0 } = member;
    const onConflict =
      exponent === 0
        ? "UPDATE SET at = excluded.at"
        : "UPDATE SET at = excluded.at, manifest = excluded.manifest, exponent = excluded.exponent, proof = excluded.proof";
    try {
      await this.exclusive(() => {
        this.#open
          ?.prepare(
            `INSERT INTO family VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (family, uri) DO ${onConflict}`,
          )
          .run(family, uri, Date.now(), manifest, exponent, cutProof(manifest, exponent));
        this.#open
          ?.prepare(
            "DELETE FROM family WHERE family = ? AND uri NOT IN (SELECT uri FROM family WHERE family = ? ORDER BY at DESC LIMIT ?)",
          )
          .run(family, family, FAMILY_SIZE);
      }, signal);
    } catch (error) {
      this.#forget(error);
    }
  }

  /** log2 of the average segment that a pack of a map was cut with here. */
  async exponentOf(manifest: Digest): Promise<number | undefined> {
    const db = await this.#connect();
    try {
      const row = db
        .prepare("SELECT exponent, proof FROM family WHERE manifest = ? AND exponent > 0")
        .get(manifest);
      const exponent = Number(row?.["exponent"]);
      const isRight = exponent > 0 && row?.["proof"] === cutProof(manifest, exponent);
      return isRight ? exponent : undefined;
    } catch (error) {
      return this.#forget(error);
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
    this.#select = undefined;
  }

  async #find(raw: Digest): Promise<Record<string, unknown> | undefined> {
    const db = await this.#connect();
    try {
      this.#select ??= db.prepare("SELECT blob, size, proof FROM frame WHERE raw = ?");
      return this.#select.get(raw);
    } catch (error) {
      return this.#forget(error);
    }
  }

  /** Puts a damaged database aside: the next call makes a new one. Any other error is thrown. */
  #forget(error: unknown): undefined {
    if (!isDamage(error)) throw databaseError(error, this.#path);
    this.close();
    putAside(this.#path);
  }

  async #connect(): Promise<DatabaseSync> {
    if (this.#open !== undefined) return this.#open;
    const { DatabaseSync } = await import("node:sqlite");
    // Somebody else may have connected while the module was loaded.
    this.#open ??= connect(this.#path, DatabaseSync);
    return this.#open;
  }
}

function connect(path: string, Sqlite: typeof DatabaseSync): DatabaseSync {
  try {
    return prepare(path, Sqlite);
  } catch (error) {
    if (!isDamage(error)) throw databaseError(error, path);
    putAside(path);
    return prepare(path, Sqlite);
  }
}

function prepare(path: string, Sqlite: typeof DatabaseSync): DatabaseSync {
  const db = new Sqlite(path, { timeout: PATIENCE_MS });
  try {
    // Nothing in here is worth an fsync: rows carry their own check.
    db.exec("PRAGMA synchronous = OFF");
    db.exec(
      "CREATE TABLE IF NOT EXISTS frame (raw TEXT PRIMARY KEY, blob TEXT, size INTEGER, proof TEXT) WITHOUT ROWID",
    );
    db.exec(
      "CREATE TABLE IF NOT EXISTS family (family TEXT, uri TEXT, at INTEGER, manifest TEXT, exponent INTEGER, proof TEXT, PRIMARY KEY (family, uri)) WITHOUT ROWID",
    );
    db.exec("CREATE TABLE IF NOT EXISTS home (raw TEXT PRIMARY KEY, tree TEXT) WITHOUT ROWID");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Takes the write lock; false when somebody else has it. */
function begin(db: DatabaseSync, path: string): boolean {
  // A second caller in this process: the transaction is open on this very connection.
  if (db.isTransaction) return false;
  // SQLite would wait by blocking the thread.
  db.exec("PRAGMA busy_timeout = 0");
  try {
    db.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw databaseError(error, path);
  } finally {
    db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
  }
}

function commit<T>(db: DatabaseSync, work: () => T, path: string): T {
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw databaseError(error, path);
  }
}

function putAside(path: string): void {
  unlessMissing(() => rename(path, `${path}.damaged`));
}

function cutProof(manifest: Digest, exponent: number): string {
  return sha256(Buffer.from(`${manifest} ${exponent}`)).slice(7, 23);
}

/** What a row carries so that one that rotted is not believed. */
export function proofOf(frame: Frame): string {
  return sha256(Buffer.from(`${frame.raw} ${frame.blob} ${frame.size}`)).slice(7, 23);
}

function locked(path: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_LOCKED", `${path} is locked by another process for a minute`, {
    hint: "see which process has it open; a store on a network file system is not supported",
    details: { path },
  });
}
