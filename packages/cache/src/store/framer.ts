import { setImmediate as turn } from "node:timers/promises";
import { type Digest, type OnProgress, sha256 } from "@ctxpack/identity";
import type { PackBlob } from "../pack/index.ts";
import type { StoredBlob } from "./blobs.ts";
import type { Frame } from "./database.ts";
import type { Parts } from "./parts.ts";
import { putFrame } from "./put-frame.ts";
import type { FrameThreads } from "./threads/frame-threads.ts";

/** Frames that may be on their way to the disk while the next segment is cut. */
const IN_FLIGHT = 16;

/** A frame, and whether its blob had to be written. */
export interface MadeFrame extends Frame {
  readonly created: boolean;
}

export interface FramerOptions {
  /** They compress beside the calling thread; who gives them ends them. */
  readonly threads?: FrameThreads | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Turns uncompressed segments into stored blobs. zstd's bytes differ between its versions, so a segment
 * the store holds already is never compressed again: the blob it was is the blob it stays. What the threads
 * have no time for is compressed by the caller, so that nobody ever waits for work.
 */
export class Framer {
  readonly #parts: Parts;
  readonly #onProgress: OnProgress | undefined;
  readonly #threads: FrameThreads | undefined;
  readonly #made: Promise<MadeFrame>[] = [];
  readonly #writing = new Set<Promise<unknown>>();
  /** What the first write that failed threw. */
  #failure: { readonly error: unknown } | undefined;
  /** Compressed bytes written, also before a restart. */
  #stored = 0;

  constructor(parts: Parts, options: FramerOptions = {}) {
    this.#parts = parts;
    this.#onProgress = options.onProgress;
    this.#threads = options.threads;
  }

  /** Where a segment is to be cut that is then given to `add`; without it this thread makes every frame. */
  get take(): ((room: number) => Buffer) | undefined {
    const threads = this.#threads;
    return threads && ((room) => threads.take(room));
  }

  /**
   * Stores a frame; `raw` may be reused as soon as this has returned, or `take` gives it again. Frames keep their
   * order. Throws what an earlier write threw: on a full disk nothing more needs to be read.
   */
  async add(raw: Uint8Array, digest: Digest = sha256(raw)): Promise<void> {
    this.expectStored();
    const known = await this.#parts.database.frame(digest);
    if (known !== undefined && this.#parts.blobs.touch(known)) {
      this.addKnown(digest, known);
      return;
    }
    this.#report(digest);
    await this.#threads?.until(raw.length);
    const writing = (this.#threads?.offer(raw) ?? putFrame(this.#parts.blobs, raw)).then((blob) =>
      this.#note(digest, blob),
    );
    this.#made.push(writing);
    this.#writing.add(writing);
    const ended = (): boolean => this.#writing.delete(writing);
    writing.then(ended, (error: unknown) => {
      ended();
      this.#failure ??= { error };
    });
    while (this.#writing.size - (this.#threads?.waiting ?? 0) >= IN_FLIGHT) {
      await Promise.race(this.#writing);
    }
    await this.#threads?.untilNext();
  }

  /** Notes a segment whose frame is there. */
  addKnown(raw: Digest, blob: PackBlob | undefined): void {
    if (blob === undefined) throw new RangeError(`no blob is known for the segment ${raw}`);
    const { digest, size } = blob;
    this.#made.push(Promise.resolve({ raw, blob: digest, size, created: false }));
  }

  /** Forgets the frames made so far; their blobs stay. */
  restart(): void {
    this.#made.length = 0;
  }

  /** Throws what an earlier write threw: after `settle` those of the last frames, which no `add` looks for any more. */
  expectStored(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** All frames in order, once every one is on disk. */
  finish(): Promise<MadeFrame[]> {
    return Promise.all(this.#made);
  }

  /** Makes the frames that wait for a thread, together with the threads. Throws what an earlier write threw, and `signal.reason`. */
  async catchUp(signal?: AbortSignal): Promise<void> {
    while (this.#threads?.relieve((raw) => putFrame(this.#parts.blobs, raw))) {
      await turn();
      signal?.throwIfAborted();
      this.expectStored();
    }
  }

  /** Waits for the writes under way, whatever becomes of them. What waits for a thread is lost. */
  async settle(): Promise<void> {
    this.#threads?.giveUp();
    await Promise.allSettled(this.#writing);
  }

  #note(raw: Digest, { digest, size, created }: StoredBlob): MadeFrame {
    if (created) this.#stored += size;
    this.#report(digest);
    return { raw, blob: digest, size, created };
  }

  #report(name: Digest): void {
    this.#onProgress?.({ phase: "blob", unit: "bytes", done: this.#stored, name });
  }
}

/** The blob of a frame, as a manifest names it. */
export function blobOf(frame: Frame): PackBlob {
  return { digest: frame.blob, size: frame.size };
}
