/** What `stat` says about a file's content: another state means that it must be read again. */
export interface FileState {
  readonly ino: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** Nanoseconds since the epoch. */
  readonly ctimeNs: bigint;
  readonly mode: bigint;
}

/**
 * SHA-256 digests that are known without reading. Paths are absolute; calls are synchronous, because
 * they are made once per file.
 */
export interface FileDigests {
  /** True when nothing is known: a folder is then read while it is still being listed, and `get` asked for few files. */
  readonly isEmpty?: boolean;
  /** The digest (64 lower-case hex digits) of the file at `path` if it is known for this very state. */
  get(path: string, state: FileState): string | undefined;
  /**
   * Offers a digest. `state` was taken before and found again after the file was read; `readAt`
   * (milliseconds since the epoch) was taken before its first byte was read. A file that changed
   * shortly before `readAt` may have changed again without a trace, so it must not be remembered.
   */
  set(path: string, state: FileState, hex: string, readAt: number): void;
  /**
   * The lines of a tree's `dirHash1` if they are known for the very state of all its files. `key` is a SHA-256 of
   * all their paths and states.
   */
  getTree?(key: Uint8Array): Uint8Array | undefined;
  /** Offers the digest of a tree (64 hex digits), under the rules of `set`. */
  setTree?(key: Uint8Array, hex: string, times: TreeTimes, readAt: number): void;
}

/** What the times of a tree's files say about whether it may change without a trace. */
export interface TreeTimes {
  /** The latest mtime or ctime, nanoseconds since the epoch. */
  readonly newestNs: bigint;
  /** A ctime of whole seconds is among them: what the file system can tell apart is coarse. */
  readonly coarse: boolean;
}
