import { CtxPackError, type Digest } from "@ctxpack/identity";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads canonical JSON of a known shape, byte by byte, without building what it does not return.
 * Every method throws CTXPACK_E_PACK, naming the byte, when something else stands there.
 */
export class Cursor {
  readonly bytes: Buffer;
  at = 0;
  /** The bytes have been read whole before: digits need not be looked at again. */
  isChecked = false;

  /** `bytes` has to be valid UTF-8. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Steps over `text`, which is ASCII, if it stands here. */
  take(text: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < text.length; i++) {
      if (bytes[at + i] !== text.charCodeAt(i)) return false;
    }
    this.at = at + text.length;
    return true;
  }

  /** Steps over `text`, which has to stand here. */
  expect(text: string): void {
    if (!this.take(text)) throw this.refuse(`expected ${text}`);
  }

  /** A string with its quotes, escaped only as RFC 8785 §3.2.2.2 does. */
  string(): string {
    const { bytes } = this;
    const start = this.at;
    if (bytes[start] !== QUOTE) throw this.refuse("expected a string");
    let end = start + 1;
    let seen = 0;
    let escaped = false;
    for (; ; end++) {
      const byte = bytes[end];
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) throw this.refuse("a string is not canonical JSON");
      seen |= byte;
      if (byte !== BACKSLASH) continue;
      escaped = true;
      end++;
    }
    this.at = end + 1;
    if (escaped) return this.#unescape(start, end + 1);
    return bytes.toString(seen < 0x80 ? "latin1" : "utf8", start + 1, end);
  }

  /** Steps over a string, in bytes that have been read before. */
  skipString(): void {
    const { bytes } = this;
    let at = this.at + 1;
    for (; bytes[at] !== QUOTE && at < bytes.length; at++) if (bytes[at] === BACKSLASH) at++;
    this.at = at + 1;
  }

  #unescape(start: number, end: number): string {
    const text = this.bytes.toString("utf8", start, end);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    if (typeof value === "string" && JSON.stringify(value) === text) return value;
    this.at = start;
    throw this.refuse("a string is not canonical JSON");
  }

  /** An integer from 0 to 2^53-1. */
  integer(): number {
    const { bytes } = this;
    const start = this.at;
    let value = 0;
    let at = start;
    for (; at - start < 17; at++) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const zero = bytes[start] === 0x30 && at - start > 1;
    if (at === start || zero || !Number.isSafeInteger(value)) {
      throw this.refuse("expected an integer from 0 to 2^53-1");
    }
    this.at = at;
    return value;
  }

  /** 64 lower-case hex digits. */
  hex(): string {
    const { bytes, at } = this;
    this.#skipHex();
    return bytes.toString("latin1", at, at + 64);
  }

  #skipHex(): void {
    if (!this.isChecked) this.#expectHex();
    this.at += 64;
  }

  #expectHex(): void {
    const { bytes, at } = this;
    for (let i = at; i < at + 64; i++) {
      const byte = bytes[i] ?? 0;
      const isHex = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
      if (!isHex) throw this.refuse("expected 64 lower-case hex digits");
    }
  }

  /** `"sha256:<hex>"` with its quotes. */
  digest(): Digest {
    const start = this.at + 1;
    this.skipDigest();
    return this.bytes.toString("latin1", start, this.at - 1) as Digest;
  }

  /** Steps over `"sha256:<hex>"` with its quotes. */
  skipDigest(): void {
    this.expect('"sha256:');
    this.#skipHex();
    this.expect('"');
  }

  refuse(why: string): CtxPackError {
    const found = this.bytes.toString("utf8", this.at, this.at + 60);
    return new CtxPackError(
      "CTXPACK_E_PACK",
      `the index of a pack: ${why} at byte ${this.at}, found ${JSON.stringify(found)}`,
      { details: { byte: this.at } },
    );
  }
}
