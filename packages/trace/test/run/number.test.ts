import { canonicalize, type JsonValue } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  JsonSyntaxError,
  MAX_SOURCE_NESTING,
  numberLiteral,
  numberValue,
  parseJson,
  sourceText,
} from "../../src/index.ts";

test.each([
  "0",
  "1",
  "-1",
  "0.5",
  "0.10",
  "1.0",
  "100e-2",
  "1e15",
  "9007199254740991",
  "0.1",
  "5e-324",
])("%s is a number", (literal) => expect(numberValue(literal)).toBe(Number(literal)));

test.each([
  "9007199254740992",
  "9007199254740993",
  "-9007199254740993",
  "1e21",
  "1.5e17",
  "1e400",
  "3.14159265358979323846264338327950288",
  "0.1000000000000000000001",
  "1e-400",
  "NaN",
  "-Infinity",
])("%s is kept as it is written", (literal) => {
  expect(numberValue(literal)).toEqual({ $number: literal });
  expect(numberLiteral(numberValue(literal))).toBe(literal);
});

test("a log's own $number gets one more $, at any depth", () => {
  const { value } = parseJson(
    '{"$number":"1","$$number":[{"$$$number":9007199254740993}],"number":2}',
  );
  expect(value).toEqual({
    $$number: "1",
    $$$number: [{ $$$$number: { $number: "9007199254740993" } }],
    number: 2,
  });
  expect(
    numberLiteral((value as { [key: string]: JsonValue })["$$number"] ?? null),
  ).toBeUndefined();
});

const literal = fc.oneof(
  fc.bigInt().map(String),
  fc
    .double({ noDefaultInfinity: true, noNaN: true })
    .map((value) => (Object.is(value, -0) ? "0" : String(value))),
  fc
    .tuple(fc.bigInt(), fc.nat(), fc.integer({ min: -400, max: 400 }))
    .map(([whole, fraction, exponent]) => `${whole}.${fraction}e${exponent}`),
);
const key = fc.oneof(
  fc.constantFrom("$number", "$$number", "__proto__", ""),
  fc.string({ unit: "grapheme" }),
);

const jsonText = fc.letrec((tie) => ({
  text: fc.oneof(
    { maxDepth: 5 },
    literal,
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc.constantFrom("null", "true", "false"),
    fc.array(tie("text"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc
      .uniqueArray(fc.tuple(key, tie("text")), { maxLength: 4, selector: ([name]) => name })
      .map(
        (members) =>
          `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`,
      ),
  ),
})).text as fc.Arbitrary<string>;

test("what a log says comes back digit by digit, and its canonical form is stable", () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const { value } = parseJson(text);
      const canonical = canonicalize(value);
      // A reader of runs uses JSON.parse, and loses nothing.
      expect(canonicalize(JSON.parse(canonical) as JsonValue)).toBe(canonical);
      // Back to the log's own terms, and read again: the same.
      expect(parseJson(sourceText(value)).value).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test("texts of JSON.parse mean the same here", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const plain = JSON.parse(text) as JsonValue;
      const { value } = parseJson(text);
      expect(JSON.parse(sourceText(value))).toEqual(plain);
    }),
  );
});

test("no text crashes the reader: it is JSON, or a JsonSyntaxError with a place in it", () => {
  const noise = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(
        fc.constantFrom("{", "}", "[", "]", ":", ",", '"', "\\", "1", "-", "e", " ", "u", "NaN"),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(noise, (text) => {
      try {
        parseJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonSyntaxError);
        expect((error as JsonSyntaxError).offset).toBeLessThanOrEqual(text.length + 1);
      }
    }),
    { numRuns: 1000 },
  );
});

test("nesting is bounded", () => {
  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  expect(() => parseJson(nested(MAX_SOURCE_NESTING))).not.toThrow();
  expect(() => parseJson(nested(1_000_000))).toThrow("nested deeper");
});

test("duplicate keys and lone surrogates are told", () => {
  expect(parseJson('{"a":1,"a":2}')).toMatchObject({ value: { a: 2 }, duplicates: ["a"] });
  expect(parseJson('"x\\ud800"')).toMatchObject({ value: "x\ufffd", surrogates: 1 });
});
