import type { Digest, OnProgress } from "@ctxpack/identity";
import {
  type BlobConcurrency,
  BlobWindow,
  type Descriptor,
  type ReadOnlyStorage,
} from "@ctxpack/oci";
import type { Parts } from "./parts.ts";
import { receive } from "./receive.ts";

/** Blobs on their way at once, unless the caller knows better. */
const CONCURRENCY = 4;

/** How blobs are brought. */
export interface DownloadOptions {
  readonly source: ReadOnlyStorage;
  /** Blobs on their way at once; 4. */
  readonly concurrency?: BlobConcurrency | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Blobs on their way, in the order in which they were asked for. */
export interface Transfer {
  /** Settles when this blob is here, or when nothing more comes. */
  ready(digest: Digest): Promise<void>;
  /** Settles when all are here, or none is on its way any more; rejects with the first failure. */
  readonly done: Promise<void>;
  /** Stops what is on its way. */
  stop(reason: unknown): void;
}

/** Brings blobs from a pantry into the store and counts them. What has arrived stays: it was verified. */
export class Download {
  readonly #parts: Parts;
  readonly #options: DownloadOptions;
  readonly #fetched = { blobs: 0, bytes: 0 };
  readonly #existing = { blobs: 0, bytes: 0 };
  /** Bytes that are here of what was asked for, kept ones too. */
  #arrived = 0;

  constructor(parts: Parts, options: DownloadOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  get blobs(): { readonly fetched: number; readonly existing: number } {
    return { fetched: this.#fetched.blobs, existing: this.#existing.blobs };
  }

  /** Bytes that were transferred, and bytes of blobs that were here. */
  get bytes(): { readonly fetched: number; readonly existing: number } {
    return { fetched: this.#fetched.bytes, existing: this.#existing.bytes };
  }

  /** Fetches what of `wanted` is not here. The first failure ends the others, and is thrown. */
  async bring(wanted: readonly Descriptor[]): Promise<void> {
    await this.begin(wanted).done;
  }

  /** Starts to fetch what of `wanted` is not here, in this order. */
  begin(wanted: readonly Descriptor[]): Transfer {
    const missing = unique(wanted).filter((d) => !this.#count(d));
    const total = this.#arrived + missing.reduce((sum, d) => sum + d.size, 0);
    const stop = new AbortController();
    const own = this.#options.signal;
    const signal = own ? AbortSignal.any([own, stop.signal]) : stop.signal;
    const arrivals = new Map(missing.map((d) => [d.digest, Promise.withResolvers<void>()]));
    // Whoever waits for one hears of its failure; that nobody does is no failure of its own.
    for (const { promise } of arrivals.values()) promise.catch(() => {});
    const window = new BlobWindow(this.#options.concurrency ?? CONCURRENCY);
    const all = missing.map(async (d) => {
      await window.run(d.size, () => this.#fetch(d, { signal, total }), signal);
      arrivals.get(d.digest)?.resolve();
    });
    const first = Promise.all(all).catch((error: unknown) => {
      stop.abort(error);
      for (const { reject } of arrivals.values()) reject(error);
      throw error;
    });
    // Everything has ended, and is closed, before the failure is reported.
    const done = Promise.allSettled([...all, first]).then(async () => {
      await first;
    });
    done.catch(() => {});
    return {
      ready: async (digest) => arrivals.get(digest)?.promise,
      done,
      stop: (reason) => stop.abort(reason),
    };
  }

  async #fetch(d: Descriptor, options: { signal: AbortSignal; total: number }): Promise<void> {
    const { signal, total } = options;
    signal.throwIfAborted();
    let counted = 0;
    let moved = 0;
    await receive(this.#parts, d, {
      source: this.#options.source,
      signal,
      onBytes: (here, transferred) => {
        this.#arrived += here - counted;
        counted = here;
        // A second attempt at a blob begins to count anew; what the first one moved was moved.
        this.#fetched.bytes += transferred >= moved ? transferred - moved : transferred;
        moved = transferred;
        this.#report(total, d);
      },
    });
    this.#fetched.blobs += 1;
  }

  #report(total: number, d: Descriptor): void {
    const done = this.#arrived;
    this.#options.onProgress?.({ phase: "blob", unit: "bytes", done, total, name: d.digest });
  }

  #count(d: Descriptor): boolean {
    if (!this.#parts.blobs.touch(d)) return false;
    this.#existing.blobs += 1;
    this.#existing.bytes += d.size;
    return true;
  }
}

/** Each digest once: two segments may hold the same bytes. */
function unique(wanted: readonly Descriptor[]): Descriptor[] {
  return [...new Map(wanted.map((d) => [d.digest, d])).values()];
}
