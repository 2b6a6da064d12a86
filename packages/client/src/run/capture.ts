import type { LoggedStream } from "@ctxpack/cache";

/** So much of each stream is kept, in bytes. */
const MOST = 1 << 20;

/** The beginning of what a stream says. */
export class Capture {
  readonly #chunks: Uint8Array[] = [];
  #kept = 0;
  #dropped = 0;

  take(chunk: Uint8Array): void {
    const room = MOST - this.#kept;
    // A copy, for a small piece may hold on to a large buffer.
    const part = Uint8Array.from(chunk.subarray(0, room));
    if (part.length > 0) this.#chunks.push(part);
    this.#kept += part.length;
    this.#dropped += chunk.length - part.length;
  }

  stream(): LoggedStream {
    return { bytes: Buffer.concat(this.#chunks), dropped: this.#dropped };
  }
}
