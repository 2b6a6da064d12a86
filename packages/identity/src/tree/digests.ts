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
  /** The digest (64 lower-case hex digits) of the file at `path` if it is known for this very state. */
  get(path: string, state: FileState): string | undefined;
  /**
   * Offers a digest. `state` was taken before and found again after the file was read; `readAt`
   * (milliseconds since the epoch) was taken before its first byte was read. A file that changed
   * shortly before `readAt` may have changed again without a trace, so it must not be remembered.
   */
  set(path: string, state: FileState, hex: string, readAt: number): void;
}
