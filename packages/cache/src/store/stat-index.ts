import { hash } from "node:crypto";
import type { Digest, FileDigests, FileState, TreeTimes } from "@ctxpack/identity";
import { REFRESHED_DAYS, RecordsFile } from "./records-file.ts";
import { KEY_BYTES, type Key } from "./stat-records.ts";

/** A file that changed less than this before it was read may change again without a trace. */
const SETTLED_MS = 2000;

const SECOND_NS = 1_000_000_000n;

/** Longer paths than any system has are not remembered. */
const MOST_PATH_BYTES = 64 * 1024;

/** The lines of a `dirHash1` by their SHA-256, where they are kept; not verified. */
type Listing = (digest: Digest) => Uint8Array | undefined;

/**
 * Digests of files that were read before, remembered by path, ino, size, mtime, ctime and mode, and those of whole
 * trees, remembered by all of that of all their files. It only ever saves reading.
 *
 * Never wrong, as far as stat can tell: a digest is remembered only if the file had not changed for two seconds
 * when its reading began (git's racy rule, by entry), and if its ctime has a fraction of a second: file systems
 * that keep whole seconds (squashfs, ISO, FAT, many FUSE) give other content the same ctime. What stat cannot see
 * is a write through a memory map whose page was dirty before, and a clock that is set back.
 */
export class StatIndex implements FileDigests {
  readonly #files: RecordsFile;
  readonly #trees: RecordsFile;
  readonly #listing: Listing;
  readonly #input: Buffer = Buffer.allocUnsafeSlow(40 + MOST_PATH_BYTES);
  readonly #numbers: BigInt64Array;
  readonly #keyBytes: Buffer = Buffer.allocUnsafeSlow(KEY_BYTES);
  readonly #key: Key = new Uint32Array(this.#keyBytes.buffer);

  private constructor(file: string, listing: Listing) {
    this.#files = new RecordsFile(file);
    this.#trees = new RecordsFile(treesBeside(file));
    this.#listing = listing;
    this.#numbers = new BigInt64Array(this.#input.buffer, 0, 5);
  }

  /** An index kept in `file` and beside it, where nothing need exist; nothing is read yet. */
  static async open(
    file: string,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly listing?: Listing | undefined;
    } = {},
  ): Promise<StatIndex> {
    options.signal?.throwIfAborted();
    return new StatIndex(file, options.listing ?? (() => undefined));
  }

  get isEmpty(): boolean {
    return this.#files.isEmpty && this.#trees.isEmpty;
  }

  get(path: string, state: FileState): string | undefined {
    if (this.#files.isEmpty) return undefined;
    const key = this.#keyOf(path, state);
    return key === undefined ? undefined : this.#files.get(key);
  }

  set(path: string, state: FileState, hex: string, readAt: number): void {
    if (!isSettled(state, readAt)) return;
    const key = this.#keyOf(path, state);
    if (key !== undefined) this.#files.put(key, hex);
  }

  getTree(key: Uint8Array): Uint8Array | undefined {
    const wanted = treeKey(key);
    // A tree that is known spares its files' records being asked for: now and then they are, or they would be dropped.
    if ((this.#trees.age(wanted) ?? 0) >= REFRESHED_DAYS) return undefined;
    const hex = this.#trees.get(wanted);
    const lines = hex === undefined ? undefined : this.#listing(`sha256:${hex}`);
    return lines !== undefined && hash("sha256", lines, "hex") === hex ? lines : undefined;
  }

  setTree(key: Uint8Array, hex: string, times: TreeTimes, readAt: number): void {
    const { newestNs, coarse } = times;
    if (!coarse && isBefore(newestNs, readAt)) this.#trees.put(treeKey(key), hex);
  }

  /**
   * Writes what is new, together with what other processes wrote meanwhile. A file that cannot be written
   * is no error: the next process reads the files again.
   *
   * @throws `signal.reason`.
   */
  async save(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    await this.#files.save(options);
    await this.#trees.save(options);
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
  return isBefore(changed, readAt) && state.ctimeNs % SECOND_NS !== 0n;
}

function isBefore(changedNs: bigint, readAt: number): boolean {
  return changedNs < BigInt(Math.floor(readAt) - SETTLED_MS) * 1_000_000n;
}

/** The first bits of a tree's key, which is a SHA-256. */
function treeKey(key: Uint8Array): Key {
  return new Uint32Array(key.slice(0, KEY_BYTES).buffer);
}

/** Where an index kept in `file` keeps the digests of whole trees. */
export function treesBeside(file: string): string {
  return `${file}-trees`;
}
