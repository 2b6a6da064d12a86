/** One event of a stream of server-sent events. */
export interface SseEvent {
  /** `message` when the stream does not name it. */
  readonly event: string;
  readonly data: string;
}

/** Of one line or one event, in UTF-16 code units; what is longer is passed over. */
const MAX_EVENT: number = 8 * 1024 * 1024;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2.6) from pieces of bytes that may be cut anywhere. `id` and `retry`
 * are of no use here. An event that the stream ends in is none.
 */
export class SseReader {
  readonly #decoder = new TextDecoder();
  /** The beginning of a line that is not at its end. */
  #line = "";
  #event = "";
  #data: string[] = [];
  #size = 0;
  /** Whether the last character was a CR: an LF after it is of the same line end. */
  #afterReturn = false;
  #isTooLong = false;

  /** The events that end in `bytes`. */
  push(bytes: Uint8Array): SseEvent[] {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  #take(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    let rest = text;
    if (this.#afterReturn && rest !== "") {
      this.#afterReturn = false;
      if (rest.startsWith("\n")) rest = rest.slice(1);
    }
    for (;;) {
      const end = rest.search(/[\r\n]/);
      if (end === -1) break;
      this.#hold(rest.slice(0, end));
      const isReturn = rest[end] === "\r";
      rest = rest.slice(end + 1);
      if (isReturn && rest === "") this.#afterReturn = true;
      else if (isReturn && rest.startsWith("\n")) rest = rest.slice(1);
      const event = this.#endLine();
      if (event !== undefined) events.push(event);
    }
    this.#hold(rest);
    return events;
  }

  #hold(piece: string): void {
    if (this.#size + this.#line.length + piece.length > MAX_EVENT) this.#isTooLong = true;
    if (this.#isTooLong) this.#line = this.#line === "" && piece === "" ? "" : ":";
    else this.#line += piece;
  }

  #endLine(): SseEvent | undefined {
    const line = this.#line;
    this.#line = "";
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    if (field === "data") {
      this.#data.push(value);
      this.#size += value.length + 1;
    }
    return undefined;
  }

  #dispatch(): SseEvent | undefined {
    const event = this.#event === "" ? "message" : this.#event;
    const data = this.#data;
    const isNone = data.length === 0 || this.#isTooLong;
    this.#event = "";
    this.#data = [];
    this.#size = 0;
    this.#isTooLong = false;
    return isNone ? undefined : { event, data: data.join("\n") };
  }
}
