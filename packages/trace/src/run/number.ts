import type { JsonValue } from "@ctxpack/identity";

/**
 * The form a JSON number takes in a run (DESIGN §8): itself, or `{"$number":"<as written>"}` when it lies beyond
 * ±(2^53−1) or a double would write another number back. `0.10` and `1.0` are numbers; `0.1000000000000000000001`,
 * `9007199254740993`, `1e400` and `NaN` are not.
 */
export function numberValue(literal: string): JsonValue {
  const value = Number(literal);
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    if (literal.length <= 15 && !/[eE]/.test(literal)) return value === 0 ? 0 : value;
    if (decimalOf(literal) === decimalOf(String(value))) return value === 0 ? 0 : value;
  }
  return { $number: literal };
}

/** The literal of a number that {@link numberValue} wrote as an object; undefined for anything else. */
export function numberLiteral(value: JsonValue): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const members = Object.entries(value);
  const [first] = members;
  if (members.length !== 1 || first?.[0] !== "$number") return undefined;
  return typeof first[1] === "string" ? first[1] : undefined;
}

/** The key under which a run keeps a source's key: one that could be taken for our own gets one more `$`. */
export function escapeKey(key: string): string {
  return /^\$+number$/.test(key) ? `$${key}` : key;
}

/** The source's key that {@link escapeKey} made this of. */
export function unescapeKey(key: string): string {
  return /^\$\$+number$/.test(key) ? key.slice(1) : key;
}

/** JSON text of a value of a run as the source wrote it: numbers by their literal, keys unescaped. */
export function sourceText(value: JsonValue): string {
  const literal = numberLiteral(value);
  if (literal !== undefined) return literal;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sourceText).join(",")}]`;
  const members = Object.entries(value as { readonly [key: string]: JsonValue });
  return `{${members
    .map(([key, member]) => `${JSON.stringify(unescapeKey(key))}:${sourceText(member)}`)
    .join(",")}}`;
}

/** A decimal literal without what does not change its value: `[-]digits e exponent`. */
function decimalOf(literal: string): string {
  const match = /^(-?)([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/.exec(literal);
  if (match === null) return literal;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  const power = Number(exponent) - fraction.length + (all.length - digits.length);
  return `${sign}${digits}e${power}`;
}
