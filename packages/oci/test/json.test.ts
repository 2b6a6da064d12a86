import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../src/json.ts";

const place = { code: "CTXPACK_E_MANIFEST", where: "it" } as const;
const parse = (text: string): unknown => parseJson(new TextEncoder().encode(text), place);

describe("parseJson", () => {
  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parse(text))).toBe(text);
        expect(JSON.stringify(parse(JSON.stringify(value, null, 2)))).toBe(text);
      }),
    );
  });

  it("reads escaped keys as they are, also where JSON.parse confuses them", () => {
    const text = String.raw`{"x":{"k":false,"\\":1},"y":{"k":true,"\"":2}}`;
    expect(parse(text)).toEqual({ x: { k: false, "\\": 1 }, y: { k: true, '"': 2 } });
  });

  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['{"x":[{"b":{},"c":{"d":1,"d":1}}]}', "d"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("refuses %s", (text, key) => {
    expect(() => parse(text)).toThrow(`it has the key "${key}" twice in one object`);
  });

  it("keeps __proto__ as an ordinary member", () => {
    const value = parse('{"__proto__":{"digest":"x"}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(value["digest"]).toBeUndefined();
  });

  it.each([
    ["a BOM", "\u{feff}{}"],
    ["a comma too many", '{"a":1,}'],
    ["two documents", "{}{}"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(() => parse(text)).toThrow("it is not JSON in UTF-8");
  });

  it.each(["a", "\\n", '\\"', "\\\\"])("reads a string of 8 MiB of %s", (part) => {
    const string = part.repeat((8 << 20) / part.length);
    expect(parse(`{"a":"${string}","b":1}`)).toEqual({ a: JSON.parse(`"${string}"`), b: 1 });
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]), place)).toThrow("not JSON in UTF-8");
  });
});
