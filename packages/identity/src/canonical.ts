import stringify from "fast-json-stable-stringify";
import { CtxPackError } from "./errors.ts";
import { pointerOf } from "./pointer.ts";

/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** How deep arrays and objects may nest, the outermost counted (DESIGN §4.1). */
export const MAX_NESTING = 64;

/**
 * The canonical JSON of `value` by RFC 8785: no white space, keys sorted by UTF-16 code units, ES number format
 * (`-0` is `0`).
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT`, naming the JSON pointer, for what has no canonical form: a number that
 *   is not finite, a lone surrogate, `undefined`, a hole in an array, a value that is not plain JSON, more than 64
 *   levels of nesting (so also a cycle).
 */
export function canonicalize(value: JsonValue): string {
  check(value, []);
  return stringify(value);
}

/** {@link canonicalize} as UTF-8. */
export function canonicalBytes(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(canonicalize(value));
}

function check(value: unknown, path: (string | number)[]): void {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw refused(path, "a string with a lone surrogate");
      return;
    case "number":
      if (!Number.isFinite(value)) throw refused(path, `the number ${value}`);
      return;
    case "boolean":
      return;
    case "object":
      if (value !== null) checkMembers(value, path);
      return;
    default:
      throw refused(path, value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function checkMembers(value: object, path: (string | number)[]): void {
  if (path.length >= MAX_NESTING) {
    throw refused(path, `nesting deeper than ${MAX_NESTING} levels`);
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) checkMember(index, value[index], path);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // The serialiser would call toJSON of a Date and flatten a Map to {}: two values, one text. Objects of another
  // realm have an Object.prototype of their own, whose prototype is null as well.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(path, `a ${value.constructor?.name ?? "value that is not a plain object"}`);
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    throw refused(path, "an object with a toJSON method");
  }
  for (const [key, member] of Object.entries(value)) {
    if (!key.isWellFormed()) throw refused(path, "a key with a lone surrogate");
    checkMember(key, member, path);
  }
}

function checkMember(step: string | number, member: unknown, path: (string | number)[]): void {
  path.push(step);
  check(member, path);
  path.pop();
}

function refused(path: readonly (string | number)[], what: string): CtxPackError {
  const pointer = pointerOf(path);
  const place = pointer === "" ? "the value" : pointer;
  return new CtxPackError("CTXPACK_E_CONTRACT", `${place}: ${what} has no canonical JSON`, {
    details: { pointer },
  });
}
