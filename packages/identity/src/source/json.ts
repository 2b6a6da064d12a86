import type { CtxPackErrorCode } from "../errors.ts";
import { pointerOf } from "../pointer.ts";
import type { SourceEntry, SourceNode } from "./node.ts";
import { errorAt, positionAt } from "./place.ts";

/** What to read, and how deep it may nest. */
export interface JsonText {
  readonly text: string;
  /** What errors call it. */
  readonly file: string;
  readonly maxNesting: number;
  /** Of the errors; `CTXPACK_E_CONTRACT` if not set. */
  readonly code?: CtxPackErrorCode | undefined;
}

/**
 * Reads a JSON text (RFC 8259) into nodes that keep places, literals and duplicate keys, which `JSON.parse` drops.
 *
 * @throws CtxPackError `source.code` with file, line, column and JSON pointer.
 */
export function readJson(source: JsonText): SourceNode {
  return new JsonReader(source).read();
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const wordPattern = /[\p{L}\p{N}_.+-]+/uy;
const words: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

/** What somebody meant who wrote this character where JSON has none. */
const hints: Readonly<Record<string, string>> = {
  "/": "JSON has no comments",
  "#": "JSON has no comments",
  "'": "JSON writes strings in double quotes",
};

class JsonReader {
  readonly #source: JsonText;
  #at = 0;
  /** Keys and indices of what is being read. */
  readonly #path: (string | number)[] = [];

  constructor(source: JsonText) {
    this.#source = source;
  }

  read(): SourceNode {
    this.#space();
    if (this.#at === this.#source.text.length) this.#fail("the file is empty");
    const node = this.#value();
    this.#space();
    if (this.#at < this.#source.text.length) {
      this.#fail(`expected the end of the file, found ${this.#found()}`);
    }
    return node;
  }

  #value(): SourceNode {
    const { text } = this.#source;
    switch (text[this.#at]) {
      case "{":
        return this.#nested(() => this.#map());
      case "[":
        return this.#nested(() => this.#list());
      case '"':
        return { kind: "text", offset: this.#at, value: this.#string() };
      default:
        return this.#bare();
    }
  }

  #nested(read: () => SourceNode): SourceNode {
    const limit = this.#source.maxNesting;
    if (this.#path.length === limit) this.#fail(`nested deeper than ${limit} levels`);
    return read();
  }

  #map(): SourceNode {
    const offset = this.#at++;
    const entries: SourceEntry[] = [];
    this.#space();
    if (this.#take("}")) return { kind: "map", offset, entries };
    for (;;) {
      if (this.#source.text[this.#at] !== '"') {
        this.#fail(`expected a key in double quotes, found ${this.#found()}`);
      }
      const keyOffset = this.#at;
      const key = this.#string();
      this.#space();
      if (!this.#take(":")) this.#fail(`expected ":" after a key, found ${this.#found()}`);
      this.#space();
      entries.push({ key, offset: keyOffset, value: this.#member(key) });
      if (this.#end("}")) return { kind: "map", offset, entries };
    }
  }

  #list(): SourceNode {
    const offset = this.#at++;
    const items: SourceNode[] = [];
    this.#space();
    if (this.#take("]")) return { kind: "list", offset, items };
    for (;;) {
      items.push(this.#member(items.length));
      if (this.#end("]")) return { kind: "list", offset, items };
    }
  }

  #member(step: string | number): SourceNode {
    this.#path.push(step);
    const node = this.#value();
    this.#path.pop();
    return node;
  }

  /** After a member: whether `close` follows; otherwise a comma does, and something after it. */
  #end(close: "}" | "]"): boolean {
    this.#space();
    if (this.#take(close)) return true;
    const comma = this.#at;
    if (!this.#take(",")) this.#fail(`expected "," or "${close}", found ${this.#found()}`);
    this.#space();
    if (this.#source.text[this.#at] === close) {
      this.#at = comma;
      this.#fail(`a comma before "${close}"`, "JSON has no trailing commas");
    }
    return false;
  }

  #string(): string {
    const { text } = this.#source;
    const start = this.#at++;
    for (; ; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code)) {
        this.#at = start;
        this.#fail("a string that does not end");
      }
      if (code < 0x20) {
        this.#fail("a control character in a string", "write it as an escape, such as \\n");
      }
      if (code === 0x5c) this.#escape();
      else if (code === 0x22) break;
    }
    this.#at++;
    return JSON.parse(text.slice(start, this.#at)) as string;
  }

  /** Steps from a backslash to the last character of its escape. */
  #escape(): void {
    const { text } = this.#source;
    const next = text[this.#at + 1];
    if (next === "u" && /^[0-9a-fA-F]{4}$/.test(text.slice(this.#at + 2, this.#at + 6))) {
      this.#at += 5;
    } else if (next !== undefined && '"\\/bfnrt'.includes(next)) {
      this.#at += 1;
    } else {
      this.#fail("an escape that JSON does not have", "a backslash itself is written \\\\");
    }
  }

  #bare(): SourceNode {
    const { text } = this.#source;
    const offset = this.#at;
    wordPattern.lastIndex = offset;
    const token = wordPattern.exec(text)?.[0] ?? "";
    const word = words.get(token);
    if (word !== undefined) {
      this.#at += token.length;
      return { kind: "word", offset, value: word };
    }
    numberPattern.lastIndex = offset;
    if (token !== "" && numberPattern.exec(text)?.[0] === token) {
      this.#at += token.length;
      return { kind: "number", offset, literal: token };
    }
    const hint = token === "" ? undefined : "text is written in double quotes";
    this.#fail(`expected a value, found ${this.#found()}`, hint);
  }

  #take(character: string): boolean {
    if (this.#source.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    const { text } = this.#source;
    for (; ; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #found(): string {
    const { text } = this.#source;
    if (this.#at >= text.length) return "the end of the file";
    if (text[this.#at] === '"') return "a string";
    wordPattern.lastIndex = this.#at;
    const token =
      wordPattern.exec(text)?.[0] ?? String.fromCodePoint(text.codePointAt(this.#at) ?? 0);
    return token.length > 40 ? `${token.slice(0, 40)}…` : token;
  }

  #rule(): string | undefined {
    const { text, code = "CTXPACK_E_CONTRACT" } = this.#source;
    const rule = hints[text[this.#at] ?? ""];
    const mayBeYaml = code === "CTXPACK_E_CONTRACT" && rule === "JSON has no comments";
    return mayBeYaml ? `${rule}; a .yaml contract has` : rule;
  }

  #fail(message: string, hint?: string): never {
    const { text, file } = this.#source;
    const { code = "CTXPACK_E_CONTRACT" } = this.#source;
    const rule = hint ?? this.#rule();
    const pointer = pointerOf(this.#path);
    const place = { file, ...positionAt(text, this.#at), pointer };
    throw errorAt(code, place, message, { hint: rule });
  }
}
