/** A content in pieces; what it was read from ends when it is not read to its end. */
export type Content = AsyncIterable<Uint8Array>;

/**
 * The first byte in which two contents differ, counted from 0: the length of the shorter one when it is the beginning of
 * the other. `undefined` when they are the same, and when the first `most` bytes are.
 */
export async function firstByte(
  a: Content,
  b: Content,
  most: number,
): Promise<{ readonly byte: number | undefined; readonly read: number }> {
  const [left, right] = [new Pieces(a), new Pieces(b)];
  let at = 0;
  try {
    for (;;) {
      const [l, r] = [await left.piece(), await right.piece()];
      if (l === undefined && r === undefined) return { byte: undefined, read: at };
      if (l === undefined || r === undefined) return { byte: at, read: at };
      const length = Math.min(l.length, r.length);
      const differs = differenceIn(l.subarray(0, length), r.subarray(0, length));
      if (differs >= 0) return { byte: at + differs, read: at + length };
      at += length;
      if (at >= most) return { byte: undefined, read: at };
      left.skip(length);
      right.skip(length);
    }
  } finally {
    await left.end();
    await right.end();
  }
}

/** Where two pieces of one length differ; -1 for nowhere. */
export function differenceIn(a: Uint8Array, b: Uint8Array): number {
  // One call for what is mostly the same; only then byte by byte.
  if (Buffer.compare(a, b) === 0) return -1;
  let at = 0;
  while (a[at] === b[at]) at += 1;
  return at;
}

/** A content, piece by piece; none is empty. */
class Pieces {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(content: Content) {
    this.#iterator = content[Symbol.asyncIterator]();
  }

  /** What was not skipped yet; `undefined` at the end. */
  async piece(): Promise<Uint8Array | undefined> {
    while (this.#piece.length === 0) {
      const { done, value } = await this.#iterator.next();
      if (done) return undefined;
      this.#piece = value;
    }
    return this.#piece;
  }

  skip(bytes: number): void {
    this.#piece = this.#piece.subarray(bytes);
  }

  async end(): Promise<void> {
    await this.#iterator.return?.();
  }
}
