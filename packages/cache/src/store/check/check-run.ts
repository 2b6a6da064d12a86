import { lstatSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { CtxUri, Digest, OnProgress } from "@ctxpack/identity";
import type { Parts } from "../parts.ts";
import { Findings } from "./damage.ts";
import { Hasher } from "./hasher.ts";

/** The event loop gets a turn at least this often, in milliseconds. */
const SLICE_MS = 10;

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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hasher[Symbol.asyncDispose]();
  }
}
