/** Memory that segments may take while they are worked on, in bytes; one that needs more is worked on alone. */
const ROOM = 160 * 2 ** 20;

/** Counts the memory of segments at work, whoever works on them: it must not grow with the pack's segments. */
export class Room {
  #taken = 0;
  #news = Promise.withResolvers<void>();

  /** Whether something of `bytes` fits in beside what is there. */
  fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= ROOM;
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
