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
  for (const [token] of text.matchAll(tokens)) {
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

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs;

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
