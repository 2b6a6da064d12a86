import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";

/** How a JSON document is named in errors, and the code they have. */
export interface JsonPlace {
  readonly code: CtxPackErrorCode;
  readonly where: string;
}

/**
 * Parses JSON that others parse too: UTF-8 without BOM, and no object with the same key twice.
 * Parsers differ on which of two equal keys counts, so what one checks is not what the other uses.
 * Throws `place.code`.
 *
 * `JSON.parse` only judges the syntax here: V8's can read an escaped key as another one that it
 * met before (nodejs/node#63785), so the values are put together from the tokens.
 */
export function parseJson(bytes: Uint8Array, place: JsonPlace): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
  } catch (cause) {
    throw new CtxPackError(place.code, `${place.where} is not JSON in UTF-8`, { cause });
  }
  const builder = new Builder();
  for (const token of tokensOf(text)) {
    const twice = builder.take(token);
    if (twice !== undefined) {
      throw new CtxPackError(
        place.code,
        `${place.where} has the key ${JSON.stringify(twice)} twice in one object`,
        { details: { key: twice } },
      );
    }
  }
  return builder.value;
}

/**
 * The tokens of a valid document. Where a string ends is looked for without a regular expression: one that steps over
 * escapes runs out of stack in a string of a few megabytes.
 */
function* tokensOf(text: string): Generator<string, void, void> {
  const start = /["{}[\]:,]|[^\s{}[\]:,"]+/g;
  for (let match = start.exec(text); match !== null; match = start.exec(text)) {
    if (match[0] !== '"') {
      yield match[0];
      continue;
    }
    start.lastIndex = closingQuote(text, match.index) + 1;
    yield text.slice(match.index, start.lastIndex);
  }
}

/** Where the string that begins at `open` ends: at the first quote behind an even number of backslashes. */
function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text[before - 1] === "\\") before--;
    if ((at - before) % 2 === 0) return at;
  }
}

/** An object or array that is not closed yet; `key` waits for its value. */
type Open =
  | { readonly array: unknown[] }
  | { readonly object: Record<string, unknown>; key: string | undefined };

/** Puts a value together from the tokens of a valid document. */
class Builder {
  value: unknown;
  readonly #open: Open[] = [];

  /** Takes the next token; gives back a key that its object already has. */
  take(token: string): string | undefined {
    switch (token[0]) {
      case "{": {
        const object = {};
        this.#put(object);
        this.#open.push({ object, key: undefined });
        return undefined;
      }
      case "[": {
        const array: unknown[] = [];
        this.#put(array);
        this.#open.push({ array });
        return undefined;
      }
      case "}":
      case "]":
        this.#open.pop();
        return undefined;
      case ":":
      case ",":
        return undefined;
      default:
        return this.#scalar(token);
    }
  }

  #scalar(token: string): string | undefined {
    // One string or number alone: no key is involved.
    const value: unknown = JSON.parse(token);
    const top = this.#open.at(-1);
    if (top === undefined || "array" in top || top.key !== undefined) {
      this.#put(value);
      return undefined;
    }
    top.key = value as string;
    return Object.hasOwn(top.object, top.key) ? top.key : undefined;
  }

  #put(value: unknown): void {
    const top = this.#open.at(-1);
    if (top === undefined) this.value = value;
    else if ("array" in top) top.array.push(value);
    else {
      // Not an assignment: the key may be `__proto__`.
      const property = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(top.object, top.key as string, property);
      top.key = undefined;
    }
  }
}
