import { setImmediate as turn } from "node:timers/promises";
import {
  decompressFrame,
  type FileEntry,
  type FilePart,
  giveWhole,
  readSegment,
  Unpacker,
  type UnpackSink,
} from "../pack/index.ts";
import { Folder } from "./folder.ts";
import { blame, type HeldPack, segmentBytes } from "./held.ts";
import type { Parts } from "./parts.ts";
import { release } from "./release.ts";
import { expectSegmentDigest } from "./segment-digest.ts";
import { helpersFor } from "./threads/helpers.ts";
import { SegmentThreads } from "./threads/segment-threads.ts";

/** What is unpacked and how far it is trusted. */
export interface UnpackOptions {
  readonly select?: ((path: string) => boolean) | undefined;
  /** Also compare every segment with the index: for a pack that nobody has looked at yet. */
  readonly strict?: boolean | undefined;
  /** Settles when the blob of a segment is here; waited for before each. */
  readonly ready?: ((row: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks a pack from the store's blobs into a folder, or only checks it; between two segments the event loop runs.
 * Every file's digest is checked. Throws `CTXPACK_E_PACK` for a pack that breaks the format, otherwise like `heldBytes`.
 */
export async function unpack(
  parts: Parts,
  pack: HeldPack,
  folder: Folder | undefined,
  options: UnpackOptions,
): Promise<void> {
  await using unpacking = new Unpacking(parts, pack, folder, options);
  await unpacking.run();
}

/**
 * Segments are taken in by whoever has time: the threads, and this one when they have enough to do. Slices of files
 * that lie in several segments come together here, in order.
 */
class Unpacking implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #pack: HeldPack;
  readonly #folder: Folder | undefined;
  /** For files that lie in one segment: another may be open meanwhile, of which a slice is still to come. */
  readonly #wholes: Folder | undefined;
  readonly #options: UnpackOptions;
  readonly #unpacker: Unpacker;
  readonly #threads: SegmentThreads | undefined;
  /** Slices of segments that have been read, and wait for those of an earlier one. */
  readonly #read = new Map<number, readonly FilePart[]>();
  /** Segments that a thread could not take in; this one meets the reason again, and can say more. */
  readonly #again: number[] = [];
  /** How many of the needed segments have been taken in. */
  #done = 0;
  #failure: { readonly error: unknown } | undefined;
  #news = Promise.withResolvers<void>();

  constructor(parts: Parts, pack: HeldPack, folder: Folder | undefined, options: UnpackOptions) {
    this.#parts = parts;
    this.#pack = pack;
    this.#folder = folder;
    this.#wholes = folder && Folder.of(folder.place);
    this.#options = options;
    const { select, strict } = options;
    this.#unpacker = new Unpacker(pack.index, folder ?? discard, { select });
    const count = helpersFor(this.#bytes());
    if (count === 0) return;
    this.#threads = new SegmentThreads(count, {
      data: { store: parts.places.dir, pack, folder: folder?.place, select, strict },
      onRead: (row, slices, files) => {
        folder?.count(files);
        this.#take(row, slices);
      },
      onFailed: (row) => {
        this.#again.push(row);
        this.#tell();
      },
    });
  }

  async run(): Promise<void> {
    const rows = this.#unpacker.needed;
    const { ready, signal } = this.#options;
    for (const [count, row] of rows.entries()) {
      signal?.throwIfAborted();
      await ready?.(row);
      if (!this.#threads?.offer(row, this.#size(row))) this.#takeHere(row);
      await turn();
      while (count - this.#done >= (this.#threads?.window ?? 1)) await this.#wait();
    }
    while (this.#done < rows.length) await this.#wait();
    this.#unpacker.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wholes?.release();
    await this.#threads?.end();
  }

  /** Until a thread has something to say. */
  async #wait(): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
    const row = this.#again.pop();
    if (row !== undefined) {
      this.#takeHere(row);
      return;
    }
    await this.#news.promise;
    this.#news = Promise.withResolvers<void>();
  }

  #tell(): void {
    this.#news.resolve();
  }

  #takeHere(row: number): void {
    const { blob, size, digest } = this.#segment(row);
    const { index } = this.#pack;
    const { select, strict } = this.#options;
    const frame = segmentBytes(this.#parts, this.#pack.record, blob);
    const whole = (entry: FileEntry, content: Uint8Array): void => {
      giveWhole(this.#wholes ?? discard, entry, content);
      this.#folder?.count(1);
    };
    let slices: FilePart[];
    try {
      const raw = decompressFrame(frame, size);
      release(frame);
      if (strict) expectSegmentDigest(raw, digest, row);
      slices = readSegment(index, row, raw, { select, whole });
      if (slices.length === 0) release(raw);
    } catch (error) {
      throw blame(this.#parts, this.#pack.record, blob, error);
    }
    this.#take(row, slices);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** A segment has been read: what waited for it goes on. */
  #take(row: number, slices: readonly FilePart[]): void {
    this.#read.set(row, slices);
    for (;;) {
      const next = this.#unpacker.needed[this.#done];
      const parts = next === undefined ? undefined : this.#read.get(next);
      if (next === undefined || parts === undefined || this.#failure !== undefined) break;
      this.#read.delete(next);
      try {
        this.#unpacker.parts(next, parts);
      } catch (error) {
        this.#failure = { error: this.#blame(parts, error) };
      }
      for (const { bytes } of parts) release(bytes);
      this.#done += 1;
    }
    this.#tell();
  }

  /** Any of a file's segments may be what is wrong with it. */
  #blame(slices: readonly FilePart[], error: unknown): unknown {
    const { segments } = this.#pack.index;
    for (const { entry } of slices) {
      for (const [row, { offset, size }] of segments.entries()) {
        if (offset + size <= entry.offset || offset >= entry.offset + entry.size) continue;
        const found = blame(this.#parts, this.#pack.record, this.#segment(row).blob, error);
        if (found !== error) return found;
      }
    }
    return error;
  }

  #segment(row: number) {
    const blob = this.#pack.manifest.segments[row];
    const segment = this.#pack.index.segments[row];
    if (blob === undefined || segment === undefined) throw new RangeError(`no segment ${row}`);
    return { blob, ...segment };
  }

  #size(row: number): number {
    return this.#segment(row).size;
  }

  #bytes(): number {
    return this.#unpacker.needed.reduce((sum, row) => sum + this.#size(row), 0);
  }
}

/** A sink for a pack that is only checked. */
const discard: UnpackSink = {
  directory() {},
  file() {},
  write() {},
  fileEnd() {},
  link() {},
};
