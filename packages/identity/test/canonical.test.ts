import { canonicalBytes, canonicalize, type JsonValue } from "@ctxpack/identity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("canonicalize", () => {
  it("writes what reads back as the same value, keys in order, no white space", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = canonicalize(value as JsonValue);
        expect(text).toBe(JSON.stringify(sorted(value)));
        expect(new TextDecoder().decode(canonicalBytes(value as JsonValue))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["NaN", { a: [Number.NaN] }, "/a/0: the number NaN"],
    ["infinity", Number.POSITIVE_INFINITY, "the value: the number Infinity"],
    ["undefined", { a: undefined }, "/a: undefined"],
    ["a hole", { a: new Array(1) }, "/a/0: undefined"],
    ["a lone surrogate", ["\ud800"], "/0: a string with a lone surrogate"],
    ["a lone surrogate in a key", { x: { "\udc00": 1 } }, "/x: a key with a lone surrogate"],
    ["a function", { a: () => 1 }, "/a: a function"],
    ["a bigint", [1n], "/0: a bigint"],
    ["a date", { "a/b": new Date(0) }, "/a~1b: a Date"],
    ["a map", [new Map()], "/0: a Map"],
    ["bytes", [new Uint8Array(1)], "/0: a Uint8Array"],
    ["toJSON", { toJSON: () => 1 }, "the value: an object with a toJSON method"],
  ])("refuses %s", (_, value, message) => {
    expect(() => canonicalize(value as JsonValue)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONTRACT",
        message: `${message} has no canonical JSON`,
      }),
    );
  });

  it("refuses a cycle, and nesting deeper than 64", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    expect(() => canonicalize(cycle as JsonValue)).toThrow("deeper than 64");
    const nested = (depth: number): JsonValue => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(canonicalize(nested(64))).toHaveLength(129);
    expect(() => canonicalize(nested(65))).toThrow("deeper than 64");
  });

  it("takes one value twice for no cycle", () => {
    const shared = { a: 1 };
    expect(canonicalize([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

/** The same value with its keys in order; `__proto__` stays a key. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  // Integer-like keys come first in every object, so JSON.stringify cannot be relied on for those.
  return new Proxy(Object.fromEntries(Object.entries(value).map(([k, v]) => [k, sorted(v)])), {
    ownKeys: (target) => Reflect.ownKeys(target).sort(),
  });
}
