import { pointerOf } from "@ctxpack/identity";

/** How a file holds JSON: as one value, or as one on each line. */
type JsonForm = "value" | "lines";

/** How a file of this name holds JSON, if it does. */
export function jsonFormOf(path: string): JsonForm | undefined {
  if (/\.(?:json|geojson|sarif)$/i.test(path)) return "value";
  return /\.(?:jsonl|ndjson)$/i.test(path) ? "lines" : undefined;
}

/**
 * JSON pointer of the first value in which two JSON texts differ, in the order of the first; lines are the items of an
 * array. `undefined` when one of them is no JSON, and when they differ in white space or the order of keys only.
 */
export function firstPointer(a: Uint8Array, b: Uint8Array, form: JsonForm): string | undefined {
  try {
    const path =
      form === "value" ? between(parse(a), parse(b), []) : inLines(linesOf(a), linesOf(b));
    return path && pointerOf(path);
  } catch {
    return undefined;
  }
}

type Path = readonly (string | number)[];

/** Where two values differ. */
function between(a: unknown, b: unknown, path: Path): Path | undefined {
  if (a === b) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let at = 0; at < Math.max(a.length, b.length); at++) {
      if (at >= a.length || at >= b.length) return [...path, at];
      const found = between(a[at], b[at], [...path, at]);
      if (found) return found;
    }
    return undefined;
  }
  if (!isObject(a) || !isObject(b)) return path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!Object.hasOwn(a, key) || !Object.hasOwn(b, key)) return [...path, key];
    const found = between(a[key], b[key], [...path, key]);
    if (found) return found;
  }
  return undefined;
}

/** Only the first line that differs as text and as JSON is looked into. */
function inLines(a: readonly string[], b: readonly string[]): Path | undefined {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [before, after] = [a[at], b[at]];
    if (before === after) continue;
    if (before === undefined || after === undefined) return [at];
    const found = between(JSON.parse(before), JSON.parse(after), [at]);
    if (found) return found;
  }
  return undefined;
}

function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder("utf-8", { fatal: true })
    .decode(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "");
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
