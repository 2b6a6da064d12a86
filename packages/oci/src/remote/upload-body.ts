import { CtxPackError } from "@ctxpack/identity";
import type { Descriptor } from "../descriptor.ts";
import type { BlobSource } from "../source.ts";

/**
 * The source of one upload, watched: whether it failed decides what a broken request means. No network is to blame
 * for a file that cannot be read.
 */
export class UploadBody {
  readonly #descriptor: Descriptor;
  readonly #source: BlobSource;
  #failure: { readonly error: unknown } | undefined;

  constructor(descriptor: Descriptor, source: BlobSource) {
    this.#descriptor = descriptor;
    this.#source = source;
  }

  /** What reading it threw. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** The bytes from `offset` on, exactly `length` of them. */
  part(offset: number, length: number): BlobSource {
    return { size: length, open: () => this.#read(offset, length) };
  }

  async *#read(offset: number, length: number): AsyncGenerator<Uint8Array> {
    let read = 0;
    try {
      for await (const chunk of this.#source.open(offset, length)) {
        read += chunk.length;
        if (read > length) throw this.#sizeError(offset + read, offset + length);
        yield chunk;
      }
      if (read < length) throw this.#sizeError(offset + read, offset + length);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  #sizeError(found: number, expected: number): CtxPackError {
    const { digest } = this.#descriptor;
    return new CtxPackError(
      "CTXPACK_E_SIZE_MISMATCH",
      `blob ${digest} was read up to byte ${found}, expected ${expected}: it changed while it was sent`,
      { details: { digest, expected, found } },
    );
  }
}
