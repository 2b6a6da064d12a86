const BLOCK = 512;

/**
 * Remembers where in a tar there are blank blocks outside of contents: the end mark, which tar-stream
 * reads past, so that it sees members that other readers do not.
 */
export class Blanks {
  #at = 0;
  #blank = false;
  /** Content ends here: nothing before is looked at. */
  #from = 0;
  #offsets: number[] = [];

  /** Bytes seen. */
  get size(): number {
    return this.#at;
  }

  /** Takes the next bytes of the tar. */
  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const within = this.#at % BLOCK;
      const end = Math.min(bytes.length, at + BLOCK - within);
      if (within === 0) this.#blank = true;
      // A content may have been found to begin in the middle of what arrived.
      this.#blank &&= this.#at - within >= this.#from;
      this.#blank &&= isBlank(bytes.subarray(at, end), within);
      this.#at += end - at;
      at = end;
      if (this.#blank && this.#at % BLOCK === 0) this.#offsets.push(this.#at - BLOCK);
    }
  }

  /** How many there are from the last content on, up to `offset`. */
  before(offset: number): number {
    return this.#offsets.filter((each) => each < offset).length;
  }

  /** Forgets those before `offset`, the end of a content. */
  forget(offset: number): void {
    this.#from = offset;
    this.#offsets = this.#offsets.filter((each) => each >= offset);
  }
}

/** tar-stream takes a header for blank whatever its checksum (bytes 148 to 155) says. */
function isBlank(part: Uint8Array, within: number): boolean {
  return part.every((byte, i) => byte === 0 || (within + i >= 148 && within + i < 156));
}
