import { type JsonValue, MAX_NESTING } from "../canonical.ts";
import type { CtxPackErrorCode } from "../errors.ts";
import { pointerOf } from "../pointer.ts";
import type { SourceMap, SourceNode } from "./node.ts";
import { errorAt, positionAt } from "./place.ts";

/** A text that was read, and how its numbers are judged. */
export interface SourceValue {
  readonly text: string;
  readonly file: string;
  readonly root: SourceNode;
  /**
   * Canonical JSON writes the double 1e17 as 100000000000000000: in a resolved contract an integer beyond 2^53−1 is
   * a number when it is the canonical spelling of its double.
   */
  readonly canonicalIntegers: boolean;
  /** Of the errors; `CTXPACK_E_CONTRACT` if not set. */
  readonly code?: CtxPackErrorCode | undefined;
}

/**
 * The JSON value of a text that was read.
 *
 * @throws CtxPackError `source.code`, with its place, for a duplicate key, a lone surrogate, nesting deeper
 *   than 64 levels, and a number that a double does not hold as it is written.
 */
export function jsonValueOf(source: SourceValue): JsonValue {
  return convert(source.root, [], source);
}

function convert(node: SourceNode, path: (string | number)[], source: SourceValue): JsonValue {
  switch (node.kind) {
    case "word":
      return node.value;
    case "text":
      if (!node.value.isWellFormed()) fail(source, node.offset, path, "a lone surrogate");
      return node.value;
    case "number":
      return convertNumber(node.literal, node.offset, path, source);
    case "list":
      guardNesting(node.offset, path, source);
      return node.items.map((item, index) => convert(item, [...path, index], source));
    case "map":
      guardNesting(node.offset, path, source);
      return convertMap(node, path, source);
  }
}

function convertMap(node: SourceMap, path: (string | number)[], source: SourceValue): JsonValue {
  const members = new Map<string, JsonValue>();
  for (const { key, offset, value } of node.entries) {
    const inside = [...path, key];
    if (!key.isWellFormed()) fail(source, offset, path, "a key with a lone surrogate");
    if (members.has(key)) fail(source, offset, inside, "this key occurs twice");
    members.set(key, convert(value, inside, source));
  }
  // fromEntries defines its members: `__proto__` is a key like any other.
  return Object.fromEntries(members);
}

function convertNumber(
  literal: string,
  offset: number,
  path: (string | number)[],
  source: SourceValue,
): number {
  const value = Number(literal);
  const shown = literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
  if (!Number.isFinite(value)) {
    fail(source, offset, path, `${shown} is too large for a double`, "quote it to keep it as text");
  }
  const integer = !/[.eE]/.test(literal);
  if (integer && !Number.isSafeInteger(value)) {
    if (!(source.canonicalIntegers && String(value) === literal)) {
      const hint =
        "quote it to keep every digit, or write it with an exponent to mean the nearest double";
      fail(source, offset, path, `${shown} is an integer beyond ±(2^53−1)`, hint);
    }
  }
  if (value === 0 && /^-?[0.]*[1-9]/.test(literal)) {
    fail(source, offset, path, `${shown} is too small for a double: it would become 0`);
  }
  return value === 0 ? 0 : value;
}

function guardNesting(
  offset: number,
  path: readonly (string | number)[],
  source: SourceValue,
): void {
  if (path.length < MAX_NESTING) return;
  fail(source, offset, path, `nested deeper than ${MAX_NESTING} levels`);
}

function fail(
  source: SourceValue,
  offset: number,
  path: readonly (string | number)[],
  message: string,
  hint?: string,
): never {
  const place = {
    file: source.file,
    ...positionAt(source.text, offset),
    pointer: pointerOf(path),
  };
  throw errorAt(source.code ?? "CTXPACK_E_CONTRACT", place, message, { hint });
}
