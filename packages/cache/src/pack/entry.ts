import type { Digest } from "@ctxpack/identity";

/** A regular file of the output. Members stand in the index's order. */
export interface FileEntry {
  /** Of the content. */
  readonly digest: Digest;
  /** Present when the owner's x bit was set. */
  readonly exec?: true;
  /** In a map pack: 64 hex of the item that made the file. */
  readonly key?: string;
  /** Of the content's first byte in the tar. */
  readonly offset: number;
  /** Relative, with `/`, as the file system gave it. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** A symbolic link; its target is kept as written. */
export interface LinkEntry {
  readonly link: string;
  readonly path: string;
}

/** An empty folder; others are implied by what lies in them. */
export interface DirectoryEntry {
  readonly dir: true;
  readonly path: string;
}

export type Entry = FileEntry | LinkEntry | DirectoryEntry;

export type EntryKind = "file" | "link" | "directory";

/** One slice of the tar, as the index lists it. */
export interface IndexSegment {
  /** Of the uncompressed bytes. */
  readonly digest: Digest;
  /** In the tar. */
  readonly offset: number;
  /** Of the uncompressed bytes. */
  readonly size: number;
}

export function isFileEntry(entry: Entry): entry is FileEntry {
  return "digest" in entry;
}

export function isLinkEntry(entry: Entry): entry is LinkEntry {
  return "link" in entry;
}
