import type { JsonValue } from "@ctxpack/identity";

/** One member of a JSON object: its value, and the text of it. */
export interface Member {
  readonly key: string;
  readonly value: JsonValue;
  readonly text: string;
}

/**
 * The members of the object that a valid JSON text is, in the order of the text; a key may occur twice.
 * Not `JSON.parse`: it has no text of members, and V8's can read an escaped key as another one that it met
 * before (nodejs/node#63785). Of equal keys further in, the last one counts, as in Python.
 */
export function readMembers(text: string): Member[] {
  const members: Member[] = [];
  new Scanner(text).object((key, value, start, end) => {
    members.push({ key, value, text: text.slice(start, end) });
  });
  return members;
}

type OnMember = (key: string, value: JsonValue, start: number, end: number) => void;

/** Reads what has been found valid: it never looks for errors. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  object(member: OnMember): void {
    this.#next();
    this.#at++;
    while (this.#next() !== "}") {
      if (this.#text[this.#at] === ",") this.#at++;
      this.#next();
      const key = this.#string();
      this.#next();
      this.#at++;
      this.#next();
      const start = this.#at;
      member(key, this.#value(), start, this.#at);
    }
    this.#at++;
  }

  #value(): JsonValue {
    switch (this.#next()) {
      case "{": {
        const members = new Map<string, JsonValue>();
        this.object((key, value) => members.set(key, value));
        // fromEntries defines its members: `__proto__` is a key like any other.
        return Object.fromEntries(members);
      }
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      default:
        return this.#bare();
    }
  }

  #array(): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at++;
    while (this.#next() !== "]") {
      if (this.#text[this.#at] === ",") this.#at++;
      items.push(this.#value());
    }
    this.#at++;
    return items;
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  /** A number, true, false or null. */
  #bare(): JsonValue {
    const start = this.#at;
    while (/[-+.\w]/.test(this.#text[this.#at] ?? "")) this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as JsonValue;
  }

  /** Steps over white space; the character there. */
  #next(): string | undefined {
    while (" \n\r\t".includes(this.#text[this.#at] ?? "x")) this.#at++;
    return this.#text[this.#at];
  }
}
