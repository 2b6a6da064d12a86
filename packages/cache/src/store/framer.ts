import { type Digest, type OnProgress, sha256 } from "@ctxpack/identity";
import { compressFrameAside, type PackBlob } from "../pack/index.ts";
import type { Frame } from "./database.ts";
import type { Parts } from "./parts.ts";

/** Segments that may be compressed and written while the next one is cut. */
const IN_FLIGHT = 3;
/** Uncompressed bytes of these; a larger segment goes alone. */
const BYTES_IN_FLIGHT = 64 * 2 ** 20;

/** A frame, and whether its blob had to be written. */
export interface MadeFrame extends Frame {
  readonly created: boolean;
}

/**
 * Turns uncompressed segments into stored blobs. zstd's bytes differ between its versions, so a segment
 * the store holds already is never compressed again: the blob it was is the blob it stays.
 */
export class Framer {
  readonly #parts: Parts;
  readonly #onProgress: OnProgress | undefined;
  readonly #made: Promise<MadeFrame>[] = [];
  readonly #writing = new Set<Promise<unknown>>();
  /** Uncompressed, of the segments in `#writing`. */
  #bytes = 0;
  /** What the first write that failed threw. */
  #failure: { readonly error: unknown } | undefined;
  /** Compressed bytes written, also before a restart. */
  #stored = 0;

  constructor(parts: Parts, onProgress?: OnProgress) {
    this.#parts = parts;
    this.#onProgress = onProgress;
  }

  /**
   * Stores a frame; `raw` may be reused as soon as this has returned. Frames keep their order. Throws
   * what an earlier write threw: on a full disk nothing more needs to be read.
   */
  async add(raw: Uint8Array, digest: Digest = sha256(raw)): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const known = await this.#parts.database.frame(digest);
    if (known !== undefined && this.#parts.blobs.touch(known)) {
      const { digest: blob, size } = known;
      this.#made.push(Promise.resolve({ raw: digest, blob, size, created: false }));
      return;
    }
    // `raw` is the buffer in which the next segment is cut.
    const writing = this.#write(Buffer.from(raw), digest);
    this.#bytes += raw.length;
    this.#made.push(writing);
    this.#writing.add(writing);
    const ended = (): void => {
      this.#writing.delete(writing);
      this.#bytes -= raw.length;
    };
    writing.then(ended, (error: unknown) => {
      ended();
      this.#failure ??= { error };
    });
    while (this.#writing.size >= IN_FLIGHT || this.#bytes > BYTES_IN_FLIGHT) {
      await Promise.race(this.#writing);
    }
  }

  /** Forgets the frames made so far; their blobs stay. */
  restart(): void {
    this.#made.length = 0;
  }

  /** All frames in order, once every one is on disk. */
  finish(): Promise<MadeFrame[]> {
    return Promise.all(this.#made);
  }

  /** Waits for the writes under way, whatever becomes of them. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }

  async #write(content: Uint8Array, raw: Digest): Promise<MadeFrame> {
    this.#report(raw);
    const frame = await compressFrameAside(content);
    const { digest, size, created } = await this.#parts.blobs.put(frame);
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
