import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { type CtxUri, type Digest, isDigest, sha256 } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { databaseError, isBusy, isDamage, locked } from "./database-error.ts";
import { unlessMissing } from "./disk.ts";
import { identityOf } from "./seen.ts";

/** How long a lock is waited for; what is done under it takes milliseconds. */
const PATIENCE_MS = 60_000;

/** Rows that are looked at, or forgotten, at once: everybody else waits meanwhile. */
const PAGE = 500;

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

/** What is still in the store, of what rows lead to. */
export interface IsHere {
  blob(digest: Digest): boolean;
  tree(digest: Digest): boolean;
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
  /** Which file that is. */
  #opened: string | undefined;
  #select: StatementSync | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Runs `work` while no other process or caller is in `exclusive` of this store. `work` is synchronous
   * and short: everybody else waits. Throws `CTXPACK_E_LOCKED` after a minute.
   */
  async exclusive<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    return await this.#patiently(
      (db) => (begin(db) ? { value: commit(db, work, this.#path) } : undefined),
      signal,
    );
  }

  /** The blob known to hold these uncompressed bytes. */
  async frame(
    raw: Digest,
    signal?: AbortSignal,
  ): Promise<{ digest: Digest; size: number } | undefined> {
    const row = await this.#read((db) => {
      this.#select ??= db.prepare("SELECT blob, size, proof FROM frame WHERE raw = ?");
      return this.#select.get(raw);
    }, signal);
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
      this.#startOver(error);
    }
  }

  /** For each segment, by its uncompressed digest, the tree of a folder that has its files. */
  async homes(raws: readonly Digest[], signal?: AbortSignal): Promise<(Digest | undefined)[]> {
    const trees = await this.#read((db) => {
      const select = db.prepare("SELECT tree FROM home WHERE raw = ?");
      return raws.map((raw) => select.get(raw)?.["tree"]);
    }, signal);
    // What it leads to is compared byte by byte: a row that rotted needs no check of its own.
    return raws.map((_, i) => {
      const tree = trees?.[i];
      return isDigest(tree) ? tree : undefined;
    });
  }

  /** Remembers that the folder of a tree has the files of these segments. */
  async settle(raws: readonly Digest[], tree: Digest, signal?: AbortSignal): Promise<void> {
    try {
      await this.exclusive(() => {
        const insert = this.#open?.prepare("INSERT OR REPLACE INTO home (raw, tree) VALUES (?, ?)");
        for (const raw of raws) insert?.run(raw, tree);
      }, signal);
    } catch (error) {
      this.#startOver(error);
    }
  }

  /** The packs that the maps of a family became here, the last one first. */
  async family(family: string, signal?: AbortSignal): Promise<CtxUri[]> {
    const rows = await this.#read(
      (db) =>
        db
          .prepare("SELECT uri FROM family WHERE family = ? ORDER BY at DESC LIMIT ?")
          .all(family, FAMILY_SIZE),
      signal,
    );
    return (rows ?? []).map((row) => row["uri"] as CtxUri);
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
      this.#startOver(error);
    }
  }

  /** log2 of the average segment that a pack of a map was cut with here. */
  async exponentOf(manifest: Digest, signal?: AbortSignal): Promise<number | undefined> {
    const row = await this.#read(
      (db) =>
        db
          .prepare("SELECT exponent, proof FROM family WHERE manifest = ? AND exponent > 0")
          .get(manifest),
      signal,
    );
    const exponent = Number(row?.["exponent"]);
    const isRight = exponent > 0 && row?.["proof"] === cutProof(manifest, exponent);
    return isRight ? exponent : undefined;
  }

  /** Forgets the frames and folders that are gone, and gives the room they took back to the disk. */
  async forget(isHere: IsHere, signal?: AbortSignal): Promise<void> {
    try {
      await this.#forgetRows("frame", "blob", isHere, signal);
      await this.#forgetRows("home", "tree", isHere, signal);
      await this.#shrink(signal);
    } catch (error) {
      this.#startOver(error);
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
    this.#select = undefined;
  }

  async #forgetRows(
    table: "frame" | "home",
    column: "blob" | "tree",
    isHere: IsHere,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const page = `SELECT raw, ${column} AS held FROM ${table} WHERE raw > ? ORDER BY raw LIMIT ${PAGE}`;
    for (let last: unknown = ""; ; ) {
      const rows = await this.#patiently(
        (db) => ({ value: withoutWaiting(db, () => db.prepare(page).all(String(last))) }),
        signal,
      );
      const gone = rows.filter(({ held }) => !isDigest(held) || !isHere[column](held));
      if (gone.length > 0) {
        await this.exclusive(() => {
          // One that leads elsewhere by now stays.
          const remove = this.#open?.prepare(
            `DELETE FROM ${table} WHERE raw = ? AND ${column} IS ?`,
          );
          for (const { raw, held } of gone) remove?.run(raw ?? null, held ?? null);
        }, signal);
      }
      if (rows.length < PAGE) return;
      last = rows.at(-1)?.["raw"];
      await turn();
    }
  }

  /** A database of before it was made so that it can shrink uses the room again, and keeps its size. */
  async #shrink(signal: AbortSignal | undefined): Promise<void> {
    const free = (): number =>
      Number(this.#open?.prepare("PRAGMA freelist_count").get()?.["freelist_count"] ?? 0);
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      const left = await this.exclusive(() => {
        this.#open?.exec(`PRAGMA incremental_vacuum(${PAGE})`);
        return free();
      }, signal);
      if (left === 0 || left >= before) return;
      before = left;
      await turn();
    }
  }

  /** Reads rows; none from a database that is damaged. */
  async #read<T>(
    read: (db: DatabaseSync) => T,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    try {
      return await this.#patiently((db) => ({ value: withoutWaiting(db, () => read(db)) }), signal);
    } catch (error) {
      return this.#startOver(error);
    }
  }

  /** Puts a damaged database aside: the next call makes a new one. Any other error is thrown. */
  #startOver(error: unknown): undefined {
    if (!isDamage(error)) throw error;
    this.close();
    putAside(this.#path, this.#opened);
  }

  /**
   * Tries until it is done: it is not when somebody else has the lock, or `attempt` says `undefined`. SQLite would wait
   * by blocking the thread. Throws `CTXPACK_E_LOCKED` after a minute.
   */
  async #patiently<T>(
    attempt: (db: DatabaseSync) => { readonly value: T } | undefined,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const done = attempt(await this.#connect());
        if (done !== undefined) return done.value;
      } catch (error) {
        if (!isBusy(error)) throw databaseError(error, this.#path);
      }
      if (performance.now() > until) throw locked(this.#path);
      await pause(2 + Math.random() * 20, undefined, signal && { signal }).catch(() => undefined);
    }
  }

  async #connect(): Promise<DatabaseSync> {
    if (this.#open !== undefined) return this.#open;
    const { DatabaseSync } = await import("node:sqlite");
    // Somebody else may have connected while the module was loaded.
    if (this.#open === undefined) {
      this.#open = connect(this.#path, DatabaseSync);
      this.#opened = identityOf(this.#path);
    }
    return this.#open;
  }
}

function connect(path: string, Sqlite: typeof DatabaseSync): DatabaseSync {
  const seen = identityOf(path);
  try {
    return prepare(path, Sqlite);
  } catch (error) {
    if (!isDamage(error)) throw error;
    putAside(path, seen);
    return prepare(path, Sqlite);
  }
}

function prepare(path: string, Sqlite: typeof DatabaseSync): DatabaseSync {
  const db = new Sqlite(path, { timeout: 0 });
  try {
    // So that what is forgotten can be given back to the disk; later it cannot be chosen any more.
    const isNew = db.prepare("PRAGMA page_count").get()?.["page_count"] === 0;
    if (isNew) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    // Nothing in here is worth an fsync: rows carry their own check.
    db.exec("PRAGMA synchronous = OFF");
    db.exec(
      "CREATE TABLE IF NOT EXISTS frame (raw TEXT PRIMARY KEY, blob TEXT, size INTEGER, proof TEXT) WITHOUT ROWID",
    );
    db.exec(
      "CREATE TABLE IF NOT EXISTS family (family TEXT, uri TEXT, at INTEGER, manifest TEXT, exponent INTEGER, proof TEXT, PRIMARY KEY (family, uri)) WITHOUT ROWID",
    );
    db.exec("CREATE TABLE IF NOT EXISTS home (raw TEXT PRIMARY KEY, tree TEXT) WITHOUT ROWID");
    db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Takes the write lock; false when another caller in this process has it: the transaction is open on this connection. */
function begin(db: DatabaseSync): boolean {
  if (db.isTransaction) return false;
  withoutWaiting(db, () => db.exec("BEGIN IMMEDIATE"));
  return true;
}

/** Throws at once where somebody else has the lock. */
function withoutWaiting<T>(db: DatabaseSync, work: () => T): T {
  db.exec("PRAGMA busy_timeout = 0");
  try {
    return work();
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

/** Another process that saw the same damage may have begun a new one, by whose lock it publishes: that one stays. */
function putAside(path: string, seen: string | undefined): void {
  if (identityOf(path) === seen) unlessMissing(() => rename(path, damagedDatabase(path)));
}

/** Where a database goes that is damaged. */
export function damagedDatabase(path: string): string {
  return `${path}.damaged`;
}

function cutProof(manifest: Digest, exponent: number): string {
  return sha256(Buffer.from(`${manifest} ${exponent}`)).slice(7, 23);
}

/** What a row carries so that one that rotted is not believed. */
export function proofOf(frame: Frame): string {
  return sha256(Buffer.from(`${frame.raw} ${frame.blob} ${frame.size}`)).slice(7, 23);
}
