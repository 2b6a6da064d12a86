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
import type { NewRecord } from "./record.ts";
import { release } from "./release.ts";
import { expectSegmentDigest } from "./segment-digest.ts";
import { helpersFor } from "./threads/helpers.ts";
import { Room } from "./threads/room.ts";
import { SegmentThreads } from "./threads/segment-threads.ts";
import { MANY } from "./whole-index.ts";

/** What is taken in between two turns of the event loop, in bytes. */
const PIECE: number = 2 ** 20;
/**
 * Memory that segments and their frames may take, in bytes: those of the largest packs are 32 MiB on average, of which
 * one is decompressed while the one before it is written.
 */
const ROOM: number = 144 * 2 ** 20;

/** What is unpacked and how far it is trusted. */
export interface UnpackOptions {
  readonly select?: ((path: string) => boolean) | undefined;
  /** Also compare every segment with the index: for a pack that nobody has looked at yet. */
  readonly strict?: boolean | undefined;
  /** Where files of a segment may be already: what another folder of the store holds. */
  readonly siblingOf?: ((row: number) => string | undefined) | undefined;
  /** Settles when the blob of a segment is here; waited for before each. */
  readonly ready?: ((row: number) => Promise<void>) | undefined;
  /** Threads that were started for it: they are told to end, and whoever started them waits for it. */
  readonly threads?: SegmentThreads | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Threads for a pack that is about to be opened and unpacked, started while its index is read. None for many files: that
 * index is large, and `unpack` starts them once it has been read.
 */
export function threadsAhead(parts: Parts, record: NewRecord): SegmentThreads | undefined {
  return record.files < MANY ? threadsFor(parts, record.bytes) : undefined;
}

/** Threads for so many bytes of content; none where this thread unpacks them as fast. */
function threadsFor(parts: Parts, bytes: number): SegmentThreads | undefined {
  const count = helpersFor(bytes, parts.blocking);
  return count === 0 ? undefined : new SegmentThreads(count, parts.places.dir);
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
 * Segments are taken in by whoever has time: the threads, and this one, if it may, when they have enough to do. Slices
 * of files that lie in several segments come together here, in order.
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
  readonly #room = new Room(ROOM);
  /** What each segment at work takes, in bytes. */
  readonly #held = new Map<number, number>();
  /** How many of the needed segments have been taken in. */
  #done = 0;
  #draining: Promise<void> = Promise.resolve();
  #isDraining = false;
  #isDone = false;
  #failure: { readonly error: unknown } | undefined;
  #news = Promise.withResolvers<void>();

  constructor(parts: Parts, pack: HeldPack, folder: Folder | undefined, options: UnpackOptions) {
    this.#parts = parts;
    this.#pack = pack;
    this.#folder = folder;
    this.#wholes = folder && Folder.of(folder.place);
    this.#options = options;
    const { select, strict, siblingOf } = options;
    this.#unpacker = new Unpacker(pack.index, folder ?? discard, { select });
    this.#threads = options.threads ?? threadsFor(parts, this.#bytes());
    this.#threads?.take({
      pack,
      folder: folder?.place,
      select,
      siblingOf,
      strict: strict ?? false,
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
      await this.#makeRoom(row);
      await this.#give(row);
      await turn();
      while (count - this.#done >= (this.#threads?.window ?? 1)) await this.#wait();
    }
    while (this.#done < rows.length) await this.#wait();
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#unpacker.end();
    this.#isDone = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= { error: new Error("unpacking has ended") };
    const ended = this.#threads?.[Symbol.asyncDispose]();
    // When all is unpacked nothing is left for them to do: whoever gave them waits for their end.
    if (!this.#isDone || this.#options.threads === undefined) await ended;
    await this.#draining;
    this.#wholes?.release();
  }

  /** Waits until the memory that a segment and its frame take is free. */
  async #makeRoom(row: number): Promise<void> {
    const { blob, size } = this.#segment(row);
    const bytes = blob.size + size;
    while (!this.#room.fits(bytes)) await this.#wait();
    this.#hold(row, bytes);
  }

  /** What a segment takes from now on. */
  #hold(row: number, bytes: number): void {
    this.#room.free(this.#held.get(row) ?? 0);
    this.#room.take(bytes);
    this.#held.set(row, bytes);
  }

  /** Has a segment taken in: by a thread with time for it, else by this one if it may. */
  async #give(row: number): Promise<void> {
    for (;;) {
      const threads = this.#threads;
      if (threads?.offer(row)) return;
      if (threads === undefined || threads.areLost || this.#parts.blocking) {
        await this.#takeHere(row);
        return;
      }
      await this.#wait();
    }
  }

  /** Until a thread has something to say. */
  async #wait(): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
    const row = this.#again.pop();
    if (row !== undefined) {
      await this.#takeHere(row);
      return;
    }
    await this.#news.promise;
    this.#news = Promise.withResolvers<void>();
  }

  #tell(): void {
    this.#news.resolve();
  }

  async #takeHere(row: number): Promise<void> {
    const { blob, size, digest } = this.#segment(row);
    const { index } = this.#pack;
    const { select, strict } = this.#options;
    const frame = segmentBytes(this.#parts, this.#pack.record, blob);
    let files = 0;
    const whole = (entry: FileEntry, content: Uint8Array): void => {
      giveWhole(this.#wholes ?? discard, entry, content);
      files += 1;
    };
    this.#wholes?.besides(this.#options.siblingOf?.(row));
    let slices: FilePart[];
    try {
      const raw = decompressFrame(frame, size);
      release(frame);
      if (strict) expectSegmentDigest(raw, digest, row);
      slices = readSegment(index.segmentRows(row), raw, { select, whole });
      if (slices.length === 0) release(raw);
    } catch (error) {
      throw blame(this.#parts, this.#pack.record, blob, error);
    }
    this.#folder?.count(files);
    this.#take(row, slices);
    await this.#draining;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** A segment has been read: what waited for it goes on. */
  #take(row: number, slices: readonly FilePart[]): void {
    this.#read.set(row, slices);
    this.#hold(
      row,
      slices.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
    this.#tell();
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#draining = this.#drain();
  }

  /** Takes in the slices of every segment whose turn it is. Never rejects. */
  async #drain(): Promise<void> {
    for (;;) {
      const row = this.#unpacker.needed[this.#done];
      const slices = row === undefined ? undefined : this.#read.get(row);
      if (row === undefined || slices === undefined || this.#failure !== undefined) break;
      this.#read.delete(row);
      try {
        await this.#assemble(row, slices);
      } catch (error) {
        this.#failure ??= { error: this.#blame(slices, error) };
      }
      for (const { bytes } of slices) release(bytes);
      this.#hold(row, 0);
      this.#done += 1;
      this.#tell();
    }
    this.#isDraining = false;
    this.#tell();
  }

  async #assemble(row: number, slices: readonly FilePart[]): Promise<void> {
    const { blocking } = this.#parts;
    for (const piece of blocking ? slices : pieces(slices)) {
      if (this.#failure !== undefined) return;
      this.#unpacker.part(row, piece);
      if (!blocking) await turn();
    }
    this.#unpacker.segmentEnd(row);
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

/** Slices cut so small that hashing and writing one is no long step. */
function* pieces(slices: readonly FilePart[]): Iterable<FilePart> {
  for (const { entry, position, bytes } of slices) {
    for (let at = 0; at < bytes.length; at += PIECE) {
      yield { entry, position: position + at, bytes: bytes.subarray(at, at + PIECE) };
    }
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
