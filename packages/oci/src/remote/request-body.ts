import { CtxPackError } from "@ctxpack/identity";
import type { BlobSource } from "../source.ts";

/** The body of one request: watched while it is sent, so that it is known who stopped. */
export class RequestBody {
  /** In bytes. */
  readonly size: number;
  /** What is handed to the network. */
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  /** Why it was not sent whole, when that is not the network's own error. */
  failure: unknown;
  readonly #stall = new AbortController();
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    body: Uint8Array | BlobSource,
    options: {
      /** So long may the network not take a byte. */
      readonly stallMs: number;
      readonly onSent?: ((bytes: number) => void) | undefined;
    },
  ) {
    this.#stallMs = options.stallMs;
    if (body instanceof Uint8Array) {
      this.size = body.length;
      this.content = body;
    } else {
      this.size = body.size;
      this.content = this.#watched(body, options.onSent);
    }
  }

  /** Aborted when the network takes no more bytes. */
  get stalled(): AbortSignal {
    return this.#stall.signal;
  }

  /** The request is over. */
  end(): void {
    clearTimeout(this.#timer);
  }

  async *#watched(
    source: BlobSource,
    onSent: ((bytes: number) => void) | undefined,
  ): AsyncGenerator<Uint8Array> {
    let sent = 0;
    try {
      for await (const chunk of this.#source(source)) {
        // Small enough pieces that a slow network shows that it goes on.
        for (let at = 0; at < chunk.length; at += PIECE) {
          const piece = chunk.subarray(at, at + PIECE);
          this.#watch();
          yield piece;
          sent += piece.length;
          onSent?.(sent);
        }
      }
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async *#source(source: BlobSource): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of source.open()) {
        // Reading what is sent may take its time; that is no stall of the network.
        clearTimeout(this.#timer);
        yield chunk;
        clearTimeout(this.#timer);
      }
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const error = new CtxPackError(
        "CTXPACK_E_UNAVAILABLE",
        `nothing could be sent for ${this.#stallMs / 1000} s`,
        { details: { reason: "UPLOAD_STALLED" } },
      );
      this.failure ??= error;
      this.#stall.abort(error);
    }, this.#stallMs);
    this.#timer.unref();
  }
}

const PIECE = 256 << 10;
