import { compareBytewise, type JsonValue } from "@ctxpack/identity";
import { numberLiteral, unescapeKey } from "../run/number.ts";

/**
 * JSON as Go's `encoding/json` writes it: `<`, `>`, `&`, U+2028 and U+2029 as escapes, numbers as float64. `sorted`
 * orders keys by their UTF-8 bytes, as Go does for maps; else they stay as they are, as for structs.
 */
export function goJson(value: JsonValue, sorted: boolean): string {
  const literal = numberLiteral(value);
  if (literal !== undefined) return goNumber(Number(literal));
  if (typeof value === "number") return goNumber(value);
  if (typeof value === "string") return goString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item: JsonValue) => goJson(item, sorted)).join(",")}]`;
  const entries = Object.entries(value as { readonly [key: string]: JsonValue }).map(
    ([key, member]): [string, JsonValue] => [unescapeKey(key), member],
  );
  if (sorted) entries.sort(([a], [b]) => compareBytewise(a, b));
  return `{${entries.map(([key, member]) => `${goString(key)}:${goJson(member, sorted)}`).join(",")}}`;
}

function goString(text: string): string {
  return JSON.stringify(text).replaceAll(/[<>&\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The shortest digits that read back, with an exponent below 1e-6 and from 1e21 on: as in ECMAScript, but for `-0`. */
function goNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
