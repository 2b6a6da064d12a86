import type { JsonValue } from "@ctxpack/identity";
import { escapeKey, numberValue } from "../run/number.ts";

/** JSON in a log may nest this deep. */
export const MAX_SOURCE_NESTING = 128;

/** What {@link parseJson} read, and what it could not keep as it was. */
export interface ParsedJson {
  /** Numbers that a double does not hold are `{"$number":…}`, keys are escaped as a run has them. */
  readonly value: JsonValue;
  /** Keys that occurred twice; the last one counts, as most readers have it. */
  readonly duplicates: readonly string[];
  /** Strings and keys with a lone surrogate, which became U+FFFD. */
  readonly surrogates: number;
}

/** Text that is not JSON. `offset` is in UTF-16 code units. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Reads the JSON text of a log without changing a digit of its numbers. `NaN`, `Infinity` and `-Infinity`, which
 * Python writes, are numbers.
 *
 * @throws JsonSyntaxError for text that is not JSON, and for nesting deeper than {@link MAX_SOURCE_NESTING} levels.
 */
export function parseJson(text: string): ParsedJson {
  return new LogReader(text).read();
}

const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const wordToken = /-?[A-Za-z]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has them escaped.
const plainRun = /[^"\\\u0000-\u001f]*/y;
const space = /[ \t\r\n]*/y;
const words: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", { $number: "NaN" }],
  ["Infinity", { $number: "Infinity" }],
  ["-Infinity", { $number: "-Infinity" }],
]);

class LogReader {
  readonly #text: string;
  readonly #duplicates: string[] = [];
  #surrogates = 0;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): ParsedJson {
    this.#space();
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail("more text after the value");
    return { value, duplicates: this.#duplicates, surrogates: this.#surrogates };
  }

  #value(depth: number): JsonValue {
    if (depth > MAX_SOURCE_NESTING) this.#fail(`nested deeper than ${MAX_SOURCE_NESTING} levels`);
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#map(depth);
      case 0x5b:
        return this.#list(depth);
      case 0x22:
        return this.#string();
      default:
        return this.#bare();
    }
  }

  #map(depth: number): JsonValue {
    this.#at++;
    // A Map first: `__proto__` is a key like any other.
    const members = new Map<string, JsonValue>();
    if (this.#open(0x7d)) return {};
    do {
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 0x22) this.#fail("expected a key in double quotes");
      const key = escapeKey(this.#string());
      this.#space();
      if (this.#text.charCodeAt(this.#at) !== 0x3a) this.#fail('expected ":" after a key');
      this.#at++;
      this.#space();
      if (members.has(key)) this.#duplicates.push(key);
      members.set(key, this.#value(depth + 1));
    } while (this.#more(0x7d));
    return Object.fromEntries(members);
  }

  #list(depth: number): JsonValue {
    this.#at++;
    const items: JsonValue[] = [];
    if (this.#open(0x5d)) return items;
    do {
      this.#space();
      items.push(this.#value(depth + 1));
    } while (this.#more(0x5d));
    return items;
  }

  /** After an opening bracket: whether the closing one follows at once. */
  #open(close: number): boolean {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== close) return false;
    this.#at++;
    return true;
  }

  /** After a member: whether another follows. */
  #more(close: number): boolean {
    this.#space();
    const code = this.#text.charCodeAt(this.#at);
    if (code !== close && code !== 0x2c) {
      this.#fail(`expected "," or "${String.fromCharCode(close)}"`);
    }
    this.#at++;
    return code === 0x2c;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      plainRun.lastIndex = this.#at;
      plainRun.test(this.#text);
      this.#at = plainRun.lastIndex;
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) break;
      if (code !== 0x5c) {
        const what = Number.isNaN(code) ? "a string that does not end" : "a control character";
        this.#fail(Number.isNaN(code) ? what : `${what} in a string`);
      }
      this.#at += 2;
    }
    const literal = this.#text.slice(start, ++this.#at);
    const value = this.#decode(literal, start);
    if (value.isWellFormed()) return value;
    this.#surrogates++;
    return value.toWellFormed();
  }

  #decode(literal: string, start: number): string {
    if (!literal.includes("\\")) return literal.slice(1, -1);
    try {
      return JSON.parse(literal) as string;
    } catch {
      this.#at = start;
      this.#fail("an escape that JSON does not have");
    }
  }

  #bare(): JsonValue {
    const number = this.#token(numberToken);
    if (number !== undefined) return numberValue(number);
    const word = this.#token(wordToken);
    const value = word === undefined ? undefined : words.get(word);
    if (value !== undefined) return value;
    if (this.#at >= this.#text.length) this.#fail("the text ends where a value should be");
    this.#fail("expected a value");
  }

  #token(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token === undefined) return undefined;
    this.#at += token.length;
    return token;
  }

  #space(): void {
    const code = this.#text.charCodeAt(this.#at);
    if (code > 0x20) return;
    space.lastIndex = this.#at;
    space.test(this.#text);
    this.#at = space.lastIndex;
  }

  #fail(message: string): never {
    throw new JsonSyntaxError(message, this.#at);
  }
}
