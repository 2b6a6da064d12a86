import { CtxPackError } from "@ctxpack/identity";
import type { Descriptor } from "./descriptor.ts";
import { finishDigest, hasherOf } from "./digest.ts";

/**
 * Passes chunks on and checks at the end that they were the blob `d` names. It stops at the first
 * byte too many, so a sender cannot make anybody keep more than the descriptor allows.
 * Throws CTXPACK_E_SIZE_MISMATCH or CTXPACK_E_DIGEST_MISMATCH; until it has ended normally, nothing
 * that was passed on may be believed.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  d: Descriptor,
): AsyncGenerator<Uint8Array> {
  const verifier = new Verifier(d);
  for await (const chunk of chunks) {
    verifier.update(chunk);
    yield chunk;
  }
  verifier.end();
}

/** The check of `verified` for bytes that arrive in another way. */
export class Verifier {
  readonly #descriptor: Descriptor;
  readonly #hasher: ReturnType<typeof hasherOf>;
  #size = 0;

  constructor(d: Descriptor) {
    this.#descriptor = d;
    this.#hasher = hasherOf(d.digest);
  }

  /** Takes the next bytes; throws CTXPACK_E_SIZE_MISMATCH when they are too many. */
  update(chunk: Uint8Array): void {
    this.#size += chunk.length;
    if (this.#size > this.#descriptor.size) throw this.#sizeError("longer");
    this.#hasher.update(chunk);
  }

  /** Ends the blob; throws when it is too short or another one. */
  end(): void {
    const d = this.#descriptor;
    if (this.#size < d.size) throw this.#sizeError("shorter");
    const found = finishDigest(this.#hasher, d.digest);
    if (found === d.digest) return;
    throw new CtxPackError(
      "CTXPACK_E_DIGEST_MISMATCH",
      `blob ${d.digest} has bytes with digest ${found}`,
      { details: { digest: d.digest, expected: d.digest, found } },
    );
  }

  #sizeError(found: "longer" | "shorter"): CtxPackError {
    const { digest, size } = this.#descriptor;
    const message =
      found === "longer"
        ? `blob ${digest} is longer than ${size} bytes`
        : `blob ${digest} is ${this.#size} bytes, expected ${size}`;
    return new CtxPackError("CTXPACK_E_SIZE_MISMATCH", message, {
      details: { digest, expected: size, found: this.#size },
    });
  }
}
