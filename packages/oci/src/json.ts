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
 */
export function parseJson(bytes: Uint8Array, place: JsonPlace): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new CtxPackError(place.code, `${place.where} is not JSON in UTF-8`, { cause });
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) {
    throw new CtxPackError(
      place.code,
      `${place.where} has the key ${JSON.stringify(twice)} twice in one object`,
      { details: { key: twice } },
    );
  }
  return value;
}

// A string, or a character that opens or closes something. In valid JSON nothing else matters here.
const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;

/** The first key that stands twice in one object of a text that `JSON.parse` accepted. */
function findDuplicateKey(text: string): string | undefined {
  // One set of keys per open object; `undefined` for an open array.
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [found] of text.matchAll(token)) {
    if (found === "{") open.push(new Set());
    else if (found === "[") open.push(undefined);
    else if (found === "}" || found === "]") open.pop();
    else if (found === ":") {
      const key = JSON.parse(last) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
    last = found;
  }
  return undefined;
}
