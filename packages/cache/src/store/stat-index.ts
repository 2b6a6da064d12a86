import { hash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FileDigests, FileState } from "@ctxpack/identity";
import { KEY_BYTES, type Key, NewRecords, SortedRecords } from "./stat-records.ts";

/** A file that changed less than this before it was read may change again without a trace. */
const SETTLED_MS = 2000;

/** Records that were of no use for so many days are dropped. */
const KEPT_DAYS = 60;

/** A record's day is written again when it is this old: not every use rewrites the file. */
const REFRESHED_DAYS = 7;

/** More records than this (100 MB) are not kept. */
const MOST_RECORDS = 2_000_000;

/** A temporary file this old was left by a process that was killed. */
export const ABANDONED_MS: number = 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;
const SECOND_NS = 1_000_000_000n;

/** Longer paths than any system has are not remembered. */
const MOST_PATH_BYTES = 64 * 1024;

/**
 * Digests of files that were read before, remembered by path, ino, size, mtime, ctime and mode in one file
 * that many processes share. It only ever saves reading: a damaged, foreign or unwritable file is an empty index.
 *
 * Never wrong, as far as stat can tell: a digest is remembered only if the file had not changed for two seconds
 * when its reading began (git's racy rule, by entry), and if its ctime has a fraction of a second: file systems
 * that keep whole seconds (squashfs, ISO, FAT, many FUSE) give other content the same ctime. What stat cannot see
 * is a write through a memory map whose page was dirty before, and a clock that is set back.
 */
export class StatIndex implements FileDigests {
  readonly #file: string;
  readonly #input: Buffer = Buffer.allocUnsafeSlow(40 + MOST_PATH_BYTES);
  readonly #numbers: BigInt64Array;
  readonly #keyBytes: Buffer = Buffer.allocUnsafeSlow(KEY_BYTES);
  readonly #key: Key = new Uint32Array(this.#keyBytes.buffer);
  /** What the file held; loaded when first asked, for opening a store must not cost reading it. */
  #loaded: SortedRecords | undefined;
  #new: NewRecords = new NewRecords();
  #refreshed = false;
  #saving: Promise<void> = Promise.resolve();

  private constructor(file: string) {
    this.#file = file;
    this.#numbers = new BigInt64Array(this.#input.buffer, 0, 5);
  }

  /** An index kept in `file`, which need not exist; nothing is read yet. */
  static async open(
    file: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StatIndex> {
    options.signal?.throwIfAborted();
    return new StatIndex(file);
  }

  get(path: string, state: FileState): string | undefined {
    const key = this.#keyOf(path, state);
    if (key === undefined) return undefined;
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

  set(path: string, state: FileState, hex: string, readAt: number): void {
    if (!isSettled(state, readAt) || this.#new.count >= MOST_RECORDS) return;
    const key = this.#keyOf(path, state);
    if (key !== undefined) this.#new.put(key, hex, today());
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
      await rename(temporary, this.#file);
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

  /** SHA-256 of state and path, cut: one key is one path in one state. Valid until the next call. */
  #keyOf(path: string, state: FileState): Key | undefined {
    // Each UTF-16 unit becomes at most three bytes.
    if (path.length * 3 > MOST_PATH_BYTES) return undefined;
    this.#numbers[0] = state.ino;
    this.#numbers[1] = state.size;
    this.#numbers[2] = state.mtimeNs;
    this.#numbers[3] = state.ctimeNs;
    this.#numbers[4] = state.mode;
    const length = 40 + this.#input.write(path, 40, "utf8");
    // As a string, for that is twice as fast as a new Buffer.
    const digest = hash("sha256", this.#input.subarray(0, length), "binary");
    this.#keyBytes.write(digest, 0, KEY_BYTES, "latin1");
    return this.#key;
  }
}

/** Whether a file that was read from `readAt` on (Unix time, ms) cannot have changed since without a new ctime. */
export function isSettled(state: Pick<FileState, "mtimeNs" | "ctimeNs">, readAt: number): boolean {
  const changed = state.mtimeNs > state.ctimeNs ? state.mtimeNs : state.ctimeNs;
  return (
    changed < BigInt(Math.floor(readAt) - SETTLED_MS) * 1_000_000n &&
    state.ctimeNs % SECOND_NS !== 0n
  );
}

function today(): number {
  return Math.floor(Date.now() / DAY_MS);
}
