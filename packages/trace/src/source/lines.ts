/** One line of a stream, without its `\n`. */
export interface SourceLine {
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly number: number;
  /** Whether it was longer than allowed; `bytes` is then empty. */
  readonly tooLong: boolean;
  /** Whether a `\n` ended it; the last line may have none. */
  readonly ended: boolean;
}

/** How lines are read. */
export interface ReadLinesOptions {
  /** Of a line, in bytes. Longer ones are passed over in bounded memory and marked `tooLong`. */
  readonly maxLine: number;
  /** Ends with the first line that is too long, as soon as it is: nothing after it matters. */
  readonly stopAtTooLong?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lines of a stream of bytes, each at most `maxLine` bytes. What comes after the last `\n` is a line unless it is
 * empty.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadLinesOptions,
): AsyncGenerator<SourceLine> {
  const held = new HeldLine(options.maxLine);
  let number = 1;
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end === -1) break;
      held.add(chunk.subarray(start, end));
      yield held.take(number++, true);
      start = end + 1;
    }
    held.add(chunk.subarray(start));
    if (options.stopAtTooLong && held.isTooLong) {
      yield held.take(number, false);
      return;
    }
  }
  if (!held.isEmpty) yield held.take(number, false);
}

/** The pieces of a line that is not at its end yet. */
class HeldLine {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get isTooLong(): boolean {
    return this.#size > this.#limit;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#size += piece.length;
    if (this.isTooLong) this.#pieces = [];
    // The stream may use its buffer again before the line is whole.
    else this.#pieces.push(piece.slice());
  }

  take(number: number, ended: boolean): SourceLine {
    const tooLong = this.isTooLong;
    const [first] = this.#pieces;
    const bytes = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    return { bytes, number, tooLong, ended };
  }
}
