/** What one comparison reads of contents to say how they differ, in bytes. That they do, their digests say. */
const READ_LIMIT = 512 * 1024 * 1024;
/** What its changes may take in all, in UTF-16 code units. */
const DETAIL_LIMIT = 32 * 1024 * 1024;

/** What a comparison may still spend on details: a hostile run names one large content in every step. */
export class DetailBudget {
  #read = READ_LIMIT;
  #detail = DETAIL_LIMIT;

  /** Whether so many bytes of contents may be read. */
  read(bytes: number): boolean {
    if (bytes > this.#read) return false;
    this.#read -= bytes;
    return true;
  }

  /** Whether a change of this size may be listed. */
  detail(units: number): boolean {
    if (units > this.#detail) return false;
    this.#detail -= units;
    return true;
  }
}
