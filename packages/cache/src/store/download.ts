import type { OnProgress } from "@ctxpack/identity";
import type { Descriptor, ReadOnlyStorage } from "@ctxpack/oci";
import type { Blobs } from "./blobs.ts";

/** Blobs on their way at once. */
const CONCURRENCY = 4;

/** Brings blobs from a pantry into the store and counts them. What has arrived stays: it was verified. */
export class Download {
  readonly #blobs: Blobs;
  readonly #source: ReadOnlyStorage;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: OnProgress | undefined;
  readonly #fetched = { blobs: 0, bytes: 0 };
  readonly #existing = { blobs: 0, bytes: 0 };

  constructor(
    blobs: Blobs,
    options: {
      readonly source: ReadOnlyStorage;
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: OnProgress | undefined;
    },
  ) {
    this.#blobs = blobs;
    this.#source = options.source;
    this.#signal = options.signal;
    this.#onProgress = options.onProgress;
  }

  get blobs(): { readonly fetched: number; readonly existing: number } {
    return { fetched: this.#fetched.blobs, existing: this.#existing.blobs };
  }

  get bytes(): { readonly fetched: number; readonly existing: number } {
    return { fetched: this.#fetched.bytes, existing: this.#existing.bytes };
  }

  /** Fetches what of `wanted` is not here. The first failure ends the others, and is thrown. */
  async bring(wanted: readonly Descriptor[]): Promise<void> {
    const missing = unique(wanted).filter((d) => !this.#count(d));
    const total = this.#fetched.bytes + missing.reduce((sum, d) => sum + d.size, 0);
    const failed = new AbortController();
    const signal = this.#signal ? AbortSignal.any([this.#signal, failed.signal]) : failed.signal;
    const queue = missing.values();
    const lanes = Array.from({ length: Math.min(CONCURRENCY, missing.length) }, async () => {
      for (const d of queue) await this.#fetch(d, { signal, total });
    });
    // Everything has ended, and is closed, before the failure is reported.
    const first = Promise.all(lanes).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
    await Promise.allSettled([...lanes, first]);
    await first;
  }

  async #fetch(d: Descriptor, options: { signal: AbortSignal; total: number }): Promise<void> {
    const { signal, total } = options;
    signal.throwIfAborted();
    let counted = 0;
    const open = (): AsyncIterable<Uint8Array> => this.#source.fetch(d, { signal });
    await this.#blobs.push(
      d,
      { size: d.size, open },
      {
        signal,
        onProgress: ({ done }) => {
          this.#fetched.bytes += done - counted;
          counted = done;
          this.#report(total, d);
        },
      },
    );
    this.#fetched.blobs += 1;
  }

  #report(total: number, d: Descriptor): void {
    const done = this.#fetched.bytes;
    this.#onProgress?.({ phase: "blob", unit: "bytes", done, total, name: d.digest });
  }

  #count(d: Descriptor): boolean {
    if (!this.#blobs.touch(d)) return false;
    this.#existing.blobs += 1;
    this.#existing.bytes += d.size;
    return true;
  }
}

/** Each digest once: two segments may hold the same bytes. */
function unique(wanted: readonly Descriptor[]): Descriptor[] {
  return [...new Map(wanted.map((d) => [d.digest, d])).values()];
}
