/**
 * Counts the memory of segments at work, whoever works on them: it must not grow with the pack's segments. One that
 * needs more than there is is worked on alone.
 */
export class Room {
  #taken = 0;
  #news = Promise.withResolvers<void>();
  readonly #size: number;

  /** Of so many bytes. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Whether something of `bytes` fits in beside what is there. */
  fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#size;
  }

  take(bytes: number): void {
    this.#taken += bytes;
  }

  free(bytes: number): void {
    this.#taken -= bytes;
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Waits until something of `bytes` fits in; what is there has to be freed by others. */
  async until(bytes: number): Promise<void> {
    while (!this.fits(bytes)) await this.#news.promise;
  }
}
