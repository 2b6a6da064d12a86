import { lstatSync, type Stats } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { CtxUri, Digest, OnProgress } from "@ctxpack/identity";
import type { Parts } from "../parts.ts";
import { Findings } from "./damage.ts";
import { Hasher } from "./hasher.ts";

/** The event loop gets a turn at least this often, in milliseconds. */
const SLICE_MS = 10;

/** Files with several names of which is remembered that they were right. */
const MOST_KNOWN = 100_000;

/** How much was looked at. */
export interface Checked {
  packs: number;
  blobs: number;
  trees: number;
  /** Materialised files, links and folders. */
  files: number;
  /** Bytes that were read and hashed. */
  bytes: number;
}

/** What the parts of one check share. */
export class CheckRun implements AsyncDisposable {
  readonly parts: Parts;
  readonly deep: boolean;
  readonly findings: Findings = new Findings();
  readonly checked: Checked = { packs: 0, blobs: 0, trees: 0, files: 0, bytes: 0 };
  readonly hasher: Hasher;
  /** The user the store belongs to; `undefined` where files have no owner. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** A pack for every tree digest that a record names, a whole one if there is one. */
  readonly packOfTree: Map<Digest, CtxUri> = new Map();
  /** Materialised folders that moved while they were looked at: they have to be looked at again. */
  readonly moved: Set<string> = new Set();
  /** Inode and digest of files with several names: one is not read once for each. */
  readonly #known = new Set<string>();
  /** For what a repair makes or fetches. */
  readonly work: {
    readonly signal: AbortSignal | undefined;
    readonly onProgress: OnProgress | undefined;
  };
  #sliceEnds = performance.now() + SLICE_MS;

  constructor(
    parts: Parts,
    options: {
      readonly deep: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: OnProgress | undefined;
    },
  ) {
    this.parts = parts;
    this.deep = options.deep;
    this.work = { signal: options.signal, onProgress: options.onProgress };
    const { uid, gid } = lstatSync(parts.places.dir);
    this.owner = process.platform === "win32" ? undefined : { uid, gid };
    this.hasher = new Hasher({
      signal: options.signal,
      onBytes: (bytes) => {
        this.checked.bytes += bytes;
        options.onProgress?.({ phase: "hash", unit: "bytes", done: this.checked.bytes });
      },
    });
  }

  /** Lets others run when it is time; throws `signal.reason`. */
  async breathe(): Promise<void> {
    if (performance.now() < this.#sliceEnds) return;
    await turn();
    this.work.signal?.throwIfAborted();
    this.#sliceEnds = performance.now() + SLICE_MS;
  }

  /** Whether the file was read under another name, and had this digest. */
  isKnown({ ino, nlink }: Stats, hex: string): boolean {
    return nlink > 1 && this.#known.has(`${ino} ${hex}`);
  }

  /** Notes that a file was read and has this digest. */
  know({ ino, nlink }: Stats, hex: string): void {
    if (nlink > 1 && this.#known.size < MOST_KNOWN) this.#known.add(`${ino} ${hex}`);
  }

  /** Reports a file or folder that is another user's. */
  expectOwner(path: string, uid: number, uris: Iterable<CtxUri> = []): boolean {
    if (this.owner === undefined || uid === this.owner.uid) return true;
    this.findings.add(
      "foreign-owner",
      path,
      `belongs to user ${uid}, the store to user ${this.owner.uid}`,
      uris,
    );
    return false;
  }

  /** Whether something in `packs/`, `trees/` or `files/` is one of the folders things are spread over. */
  isShelf(dir: string, name: string): boolean {
    const path = join(dir, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // Emptied and removed by somebody who collects.
    if (stat === undefined) return false;
    if (!/^[0-9a-f]{2}$/.test(name) || !stat.isDirectory()) {
      this.findings.add("foreign-file", path, "nothing of ours has this name here");
      return false;
    }
    this.expectOwner(path, stat.uid);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hasher[Symbol.asyncDispose]();
  }
}
