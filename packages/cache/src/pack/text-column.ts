import { dropped, grown } from "./grown.ts";

/** Texts by row, as UTF-8 one behind the other: a quarter of the memory that as many strings take. */
export class TextColumn {
  #bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(1024));
  #ends: Float64Array<ArrayBuffer> = new Float64Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(text: string): void {
    const start = this.#start(this.#count);
    // Each UTF-16 unit becomes at most three bytes.
    if (start + text.length * 3 > this.#bytes.length) {
      const bytes = new Uint8Array(this.#bytes.buffer);
      this.#bytes = Buffer.from(grown(bytes, start + text.length * 3).buffer);
    }
    this.#ends = grown(this.#ends, this.#count + 1);
    this.#ends[this.#count++] = start + this.#bytes.write(text, start, "utf8");
  }

  get(row: number): string {
    const start = this.#start(row);
    return this.#bytes.toString("utf8", start, this.#ends[row]);
  }

  /** Forgets all texts. */
  clear(): void {
    this.#bytes = Buffer.from(dropped(new Uint8Array(this.#bytes.buffer)).buffer);
    this.#ends = dropped(this.#ends);
    this.#count = 0;
  }

  #start(row: number): number {
    return row === 0 ? 0 : (this.#ends[row - 1] as number);
  }
}
