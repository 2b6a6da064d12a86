import type { Digest } from "@ctxpack/identity";

const DIGEST_BYTES = 32;
/** Room for so many blobs to begin with; a power of two. */
const FIRST = 1024;

/**
 * The blobs of a store, each under a number. There may be a million of them, and each may be named by thousands of
 * packs: in columns one takes 60 bytes, and naming it 4.
 */
export class BlobTable {
  #digests = Buffer.alloc(FIRST * DIGEST_BYTES);
  #sizes = new Float64Array(FIRST);
  #times = new Float64Array(FIRST);
  /** A blob's number plus one, at the place its digest's first bits say or behind it; 0 where none is. */
  #slots = new Uint32Array(FIRST * 2);
  #count = 0;
  #bytes = 0;
  readonly #sought = Buffer.alloc(DIGEST_BYTES);

  /** How many there are: their numbers are less. */
  get count(): number {
    return this.#count;
  }

  /** What they take together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds one, once. `usedMs` is when somebody was about to refer to it, Unix time in ms. */
  add(digest: Digest, bytes: number, usedMs: number): void {
    if (this.find(digest) !== undefined) return;
    if (this.#count === this.#sizes.length) this.#grow();
    const id = this.#count++;
    this.#digests.write(digest.slice(7), id * DIGEST_BYTES, "hex");
    this.#sizes[id] = bytes;
    this.#times[id] = usedMs;
    this.#bytes += bytes;
    this.#place(id);
  }

  /** The number of a blob; `undefined` when it is not here. */
  find(digest: Digest): number | undefined {
    this.#sought.write(digest.slice(7), "hex");
    const mask = this.#slots.length - 1;
    for (let at = this.#sought.readUInt32LE() & mask; ; at = (at + 1) & mask) {
      const id = (this.#slots[at] as number) - 1;
      if (id < 0) return undefined;
      const from = id * DIGEST_BYTES;
      if (this.#sought.compare(this.#digests, from, from + DIGEST_BYTES) === 0) return id;
    }
  }

  digest(id: number): Digest {
    const from = id * DIGEST_BYTES;
    return `sha256:${this.#digests.toString("hex", from, from + DIGEST_BYTES)}`;
  }

  bytesOf(id: number): number {
    return this.#sizes[id] as number;
  }

  usedMsOf(id: number): number {
    return this.#times[id] as number;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#digests.readUInt32LE(id * DIGEST_BYTES) & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = id + 1;
  }

  #grow(): void {
    const room = this.#sizes.length * 2;
    const digests = Buffer.alloc(room * DIGEST_BYTES);
    this.#digests.copy(digests);
    this.#digests = digests;
    this.#sizes = wider(this.#sizes, room);
    this.#times = wider(this.#times, room);
    this.#slots = new Uint32Array(room * 2);
    for (let id = 0; id < this.#count; id++) this.#place(id);
  }
}

function wider(column: Float64Array<ArrayBuffer>, room: number): Float64Array<ArrayBuffer> {
  const wide = new Float64Array(room);
  wide.set(column);
  return wide;
}
