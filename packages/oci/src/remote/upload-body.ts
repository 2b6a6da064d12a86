import type { Hash } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import type { Descriptor } from "../descriptor.ts";
import { finishDigest, hasherOf } from "../digest.ts";
import type { BlobSource } from "../source.ts";

/** The hash of all bytes before `at`. */
interface Mark {
  readonly at: number;
  readonly hasher: Hash;
}

/**
 * The source of one upload, watched: whether it failed decides what a broken request means. No network is to blame
 * for a file that cannot be read, no registry for one that does not have its digest: parts that follow one another are
 * hashed, and the last byte of a wrong blob is not sent. One that is resumed somewhere in between is left to the
 * registry.
 */
export class UploadBody {
  readonly #descriptor: Descriptor;
  readonly #source: BlobSource;
  /** Where the last part began and ended: it may be sent again, and another may follow. */
  #marks: readonly Mark[] = [];
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
    const start = this.#markAt(offset);
    const hasher = start?.hasher.copy();
    if (start !== undefined) this.#marks = [start];
    try {
      for await (const chunk of this.#source.open(offset, length)) {
        read += chunk.length;
        if (read > length) throw this.#sizeError(offset + read, offset + length);
        hasher?.update(chunk);
        if (hasher !== undefined && read === length) this.#end(offset + read, hasher);
        yield chunk;
      }
      if (read < length) throw this.#sizeError(offset + read, offset + length);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  #markAt(offset: number): Mark | undefined {
    if (offset === 0) return { at: 0, hasher: hasherOf(this.#descriptor.digest) };
    return this.#marks.find(({ at }) => at === offset);
  }

  /** A part was read to its end. Throws CTXPACK_E_DIGEST_MISMATCH when that is the blob's, and it is another one. */
  #end(at: number, hasher: Hash): void {
    this.#marks = [...this.#marks, { at, hasher }];
    const { digest, size } = this.#descriptor;
    if (at < size) return;
    const found = finishDigest(hasher.copy(), digest);
    if (found === digest) return;
    throw new CtxPackError(
      "CTXPACK_E_DIGEST_MISMATCH",
      `blob ${digest} was read with the digest ${found}: it is damaged, or changed while it was sent`,
      { details: { digest, expected: digest, found } },
    );
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
