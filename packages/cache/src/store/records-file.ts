import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { rename } from "@ctxpack/oci";
import { type Key, NewRecords, SortedRecords } from "./stat-records.ts";

/** Records that were of no use for so many days are dropped. */
const KEPT_DAYS = 60;

/** A record's day is written again when it is this old: not every use rewrites the file. */
export const REFRESHED_DAYS = 7;

/** More records than this (100 MB) are not kept. */
const MOST_RECORDS = 2_000_000;

/** A temporary file this old was left by a process that was killed. */
export const ABANDONED_MS: number = 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Digests by key in one file that many processes share. A damaged, foreign or unwritable file is an empty one: what
 * is in it can be found out again.
 */
export class RecordsFile {
  readonly #file: string;
  /** What the file held; loaded when first asked, for opening a store must not cost reading it. */
  #loaded: SortedRecords | undefined;
  #new: NewRecords = new NewRecords();
  #refreshed = false;
  #saving: Promise<void> = Promise.resolve();

  /** Records kept in `file`, which need not exist; nothing is read yet. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Whether there is nothing to be found: then no key need be computed. */
  get isEmpty(): boolean {
    if (this.#new.count > 0) return false;
    this.#loaded ??= this.#read();
    return this.#loaded.count === 0;
  }

  /** The digest of a key, 64 hex digits. */
  get(key: Key): string | undefined {
    const hex = this.#new.find(key);
    if (hex !== undefined) return hex;
    this.#loaded ??= this.#read();
    const row = this.#loaded.find(key);
    if (row < 0) return undefined;
    const day = today();
    if (Math.abs(day - this.#loaded.day(row)) >= REFRESHED_DAYS) {
      this.#loaded.setDay(row, day);
      this.#refreshed = true;
    }
    return this.#loaded.digest(row);
  }

  /** Days since a key's record was written or renewed; `undefined` for one that the file does not hold. */
  age(key: Key): number | undefined {
    this.#loaded ??= this.#read();
    const row = this.#loaded.find(key);
    return row < 0 ? undefined : Math.abs(today() - this.#loaded.day(row));
  }

  put(key: Key, hex: string): void {
    if (this.#new.count < MOST_RECORDS) this.#new.put(key, hex, today());
  }

  /**
   * Writes what is new, together with what other processes wrote meanwhile. A file that cannot be written
   * is no error: the next process reads the files again.
   *
   * @throws `signal.reason`.
   */
  async save(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    // One after the other, so that the last to write has everything.
    this.#saving = this.#saving.then(() => this.#save());
    await this.#saving;
  }

  async #save(): Promise<void> {
    if (this.#new.count === 0 && !this.#refreshed) return;
    const onDisk = this.#read();
    const merged = onDisk.merge(this.#loaded ?? SortedRecords.empty()).merge(this.#new.sorted());
    const kept = merged.since(today() - KEPT_DAYS, MOST_RECORDS);
    this.#loaded = kept;
    this.#new = new NewRecords();
    this.#refreshed = false;
    await this.#reap();
    await this.#write(kept);
  }

  async #write(records: SortedRecords): Promise<void> {
    const temporary = `${this.#file}.${process.pid}-${randomBytes(6).toString("hex")}`;
    try {
      // Not synced: what a power cut leaves of it fails the checksum.
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(records.header());
      await file.writeFile(records.bytes);
      await file.close();
      rename(temporary, this.#file);
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  /** Removes temporary files of processes that were killed. */
  async #reap(): Promise<void> {
    const folder = dirname(this.#file);
    const prefix = `${basename(this.#file)}.`;
    for (const name of await readdir(folder).catch(() => [])) {
      if (!name.startsWith(prefix)) continue;
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found && Date.now() - found.mtimeMs > ABANDONED_MS) {
        await rm(path, { force: true }).catch(() => {});
      }
    }
  }

  #read(): SortedRecords {
    try {
      return SortedRecords.parse(readFileSync(this.#file)) ?? SortedRecords.empty();
    } catch {
      return SortedRecords.empty();
    }
  }
}

function today(): number {
  return Math.floor(Date.now() / DAY_MS);
}
