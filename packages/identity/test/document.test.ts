import { parseDocument, type Validator } from "@ctxpack/identity/schema";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";

const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: false });
const validate = ajv.compile({
  type: "object",
  additionalProperties: false,
  properties: {
    mode: { enum: ["fast", "exact"] },
    count: { type: "integer", minimum: 1, maximum: 8 },
    text: { type: "string", maxLength: 4 },
    list: { type: "array", maxItems: 2 },
    table: { type: "object", maxProperties: 1 },
    odd: { not: { const: 1 } },
  },
}) as unknown as Validator;

const parse = (text: string | Uint8Array) =>
  parseDocument(text, { file: "f.json", code: "CTXPACK_E_CONFIG", maxBytes: 1 << 20, validate });

it("gives the value, and errors about it their place", () => {
  const { value, error } = parse('{\n  "mode": "fast", "count": 3\n}');
  expect(value).toEqual({ mode: "fast", count: 3 });
  const found = error([
    { pointer: "/count", message: "three" },
    { pointer: "/mode", message: "first" },
  ]);
  expect(found).toMatchObject({
    code: "CTXPACK_E_CONFIG",
    message: "f.json:2:11: /mode: first",
    details: { file: "f.json", line: 2, column: 11, pointer: "/mode" },
  });
});

describe.each([
  ['{"mode": "slow"}', 'f.json:1:10: /mode: expected "fast" or "exact", found "slow"'],
  ['{"count": 0}', "f.json:1:11: /count: expected at least 1"],
  ['{"count": 9}', "f.json:1:11: /count: expected at most 8"],
  ['{"count": 1.5}', "f.json:1:11: /count: expected an integer, found 1.5"],
  ['{"count": null}', "f.json:1:11: /count: null is not allowed here"],
  ['{"text": "12345"}', "f.json:1:10: /text: longer than 4 characters"],
  ['{"list": [1,2,3]}', "f.json:1:10: /list: a list of more than 2 items"],
  ['{"table": {"a":1,"b":2}}', "f.json:1:11: /table: an object of more than 1 members"],
  // A rule without a sentence of its own is not passed over.
  ['{"odd": 1}', "f.json:1:9: /odd: not of the expected form"],
  ['{"cuont": 1}', 'f.json:1:2: /cuont: unknown key "cuont"; did you mean "count"?'],
  ['{"mode": "fast", "mode": "exact"}', "f.json:1:18: /mode: this key occurs twice"],
  ['{"text": "\\ud800"}', "f.json:1:10: /text: a lone surrogate"],
  ['{"count": 9007199254740993}', /\/count: 9007199254740993 is an integer beyond/],
  [`${"[".repeat(70)}`, /nested deeper than 64 levels/],
  ["\uFEFF{}", "f.json:1:1: begins with a byte order mark"],
  ["{} // why", "f.json:1:4: expected the end of the file, found /"],
  [" ".repeat((1 << 20) + 1), "f.json: longer than 1 MiB, the most that is read"],
])("%j", (text, message) => {
  it("is refused at its place", () => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONFIG",
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });
});

it("says where bytes are no UTF-8, and that JSON has no comments", () => {
  expect(() => parse(Uint8Array.of(0x7b, 0x0a, 0xff))).toThrow("f.json:2:1: not UTF-8");
  expect(() => parse("# why\n{}")).toThrow(
    expect.objectContaining({ hint: "JSON has no comments" }),
  );
});
