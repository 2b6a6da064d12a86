import {
  type CtxPackError,
  isResolved,
  parseContract,
  parseResolvedContract,
} from "@ctxpack/identity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const minimal = '{"transforms":[{"tool":"ocr"}]}';

describe("parseContract", () => {
  it("reads the example of the specification", () => {
    const { contract } = parseContract(`
name: handbook-index
inputs:
  - {name: raw_docs, path: ./raw_pdfs, include: ["**/*.pdf"], exclude: ["drafts/**"]}
  - {name: schema,   value: {any: json}}
command: [node, src/embed.ts, "{in:raw_docs}", "{out}"]
transforms:
  - tool: vision-pro                                    # required
    tool_version: "1.2"
    code: ["src/**/*.py", "requirements.lock"]
    env: [EMBED_REGION]
    params: {dpi: 300, chunk_size: 512}
outputs:
  - {path: ./processed_data}
pass_env: [OPENAI_API_KEY]
metadata: {owner: search-team}
`);
    expect(contract.inputs?.map(({ name }) => name)).toEqual(["raw_docs", "schema"]);
    expect(contract.transforms[0]?.params).toEqual({ dpi: 300, chunk_size: 512 });
  });

  it("locates values by JSON pointer, in YAML and in JSON, escaped keys too", () => {
    const yaml = parseContract("transforms:\n  - tool: x\n    params:\n      a/b: {~c: [1, 2]}\n");
    expect(yaml.locate("/transforms/0/params/a~1b/~0c/1")).toEqual({ line: 4, column: 21 });
    expect(yaml.locate("/transforms/1")).toBeUndefined();
    expect(yaml.locate("")).toEqual({ line: 1, column: 1 });
    const json = parseContract('{"transforms": [\r\n  {"tool":"é😀", "model": "m"}]}');
    expect(json.locate("/transforms/0/model")).toEqual({ line: 2, column: 27 });
  });

  it("chooses the format by extension, else by the first character", () => {
    expect(parseContract(minimal, { file: "a.yaml" }).contract.transforms).toHaveLength(1);
    expect(parseContract(`  ${minimal}`).contract.transforms).toHaveLength(1);
    expect(() => parseContract("transforms:\n- tool: x\n", { file: "a.json" })).toThrow(
      /a\.json:1:1/,
    );
    expect(() => parseContract("{transforms: [{tool: x}]}")).toThrow("expected a key in double");
    expect(parseContract("{transforms: [{tool: x}]}", { format: "yaml" }).file).toBe("contract");
  });

  it("keeps keys that JSON.parse confuses (nodejs/node#63785)", () => {
    JSON.parse('{"x":{"k":false,"\\\\":1}}');
    const text =
      '{"transforms":[{"tool":"x","params":{"x":{"k":0,"\\\\":1},"y":{"k":1,"\\"":2}}}]}';
    const { params } = parseContract(text).contract.transforms[0] ?? {};
    expect(Object.keys((params?.["y"] ?? {}) as object)).toEqual(["k", '"']);
  });

  it("takes __proto__ and toString for keys like any other", () => {
    const text = '{"transforms":[{"tool":"x","params":{"__proto__":{"a":1},"toString":2}}]}';
    const { params = {} } = parseContract(text).contract.transforms[0] ?? {};
    expect(Object.keys(params)).toEqual(["__proto__", "toString"]);
    expect(Object.getPrototypeOf(params)).toBe(Object.prototype);
    const unknown = '{"transforms":[{"tool":"x"}],"constructor":1}';
    expect(() => parseContract(unknown)).toThrow('unknown key "constructor"');
  });

  it("refuses a byte order mark, in a text and in bytes", () => {
    const text = `\uFEFF${minimal}`;
    for (const source of [text, new TextEncoder().encode(text)]) {
      expect(() => parseContract(source)).toThrow("contract:1:1: begins with a byte order mark");
    }
  });

  it("refuses a contract of more than 4 MiB", () => {
    const text = `${minimal}${" ".repeat(4 * 1024 * 1024)}`;
    expect(() => parseContract(text)).toThrow("contract: longer than 4 MiB");
    expect(() => parseContract(new TextEncoder().encode(text))).toThrow("longer than 4 MiB");
  });

  it.each([
    ["[".repeat(100_000), "json"],
    ['{"a":'.repeat(100_000), "json"],
    ["[".repeat(100_000), "yaml"],
    ["- ".repeat(100_000), "yaml"],
    ["? ".repeat(10_000), "yaml"],
    ["{a: ".repeat(50_000), "yaml"],
  ] as const)("refuses %#: bottomless nesting, without a stack overflow", (text, format) => {
    expect(() => parseContract(text, { format })).toThrow("nested deeper than 64 levels");
  });

  it("reads every JSON value as JSON.parse does, written in either way", () => {
    const value = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, "\t"), (params, indent) => {
        fc.pre(!/[0-9]{16}/.test(JSON.stringify(params)));
        // JSON.stringify is right where JSON.parse is not: compare with the value itself.
        const text = JSON.stringify(
          { transforms: [{ tool: "x", params: { params } }] },
          null,
          indent,
        );
        expect(paramsOf(text, "json")).toEqual({ params: withoutMinusZero(params) });
      }),
      { numRuns: 500 },
    );
  });
});

describe("hostile texts", () => {
  const broken = [
    "\n",
    " ",
    "\t",
    ":",
    "-",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a",
    "*a",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    "\r",
    "\u0085",
    "---\n",
    "...\n",
    "<<",
    "~",
    "1e999",
    "\\",
    "\0",
    "\ud800",
    "\u{1f600}",
    ": |\n",
  ];
  const whole = [
    "inputs:\n  - {name: a, path: b, \"include\": ['*']}\ntransforms:\n  - tool: >-\n      x\n    env: [A]\n",
    '{"transforms":[{"tool":"a","params":{"x":[1,2,{"y":null}]}}],"inputs":[{"name":"a","path":"b"}]}',
  ];

  it("are read or refused with a place, never anything else", () => {
    const edit = fc.tuple(fc.nat(200), fc.nat(3), fc.constantFrom(...broken));
    const text = fc.tuple(
      fc.constantFrom(...whole),
      fc.array(edit, { minLength: 1, maxLength: 5 }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom("json", "yaml"), ([start, edits], format) => {
        const spoiled = edits.reduce(
          (old, [at, cut, put]) => old.slice(0, at) + put + old.slice(at + cut),
          start,
        );
        const error = refusalOrNone(() => parseContract(spoiled, { format }));
        if (error === undefined) return;
        expect(error.message).toMatch(/^contract:[1-9][0-9]*:[1-9][0-9]*: /);
        expect(error.code).toBe("CTXPACK_E_CONTRACT");
      }),
      { numRuns: 2000 },
    );
  });

  it("do not reach the terminal through a message", () => {
    const text = '{"transforms":[{"tool":"x"}],"\\u001b[31m\\u202e":1}';
    expect(refusal(() => parseContract(text)).message).toBe(
      'contract:1:30: /\\u001b[31m\\u202e: unknown key "\\u001b[31m\\u202e"',
    );
  });

  it.each(["tool: x\ry", "tool: 'x\0y'", "tool: x # \u001b[31m"])(
    "have no control characters: %j",
    (line) => {
      expect(() => parseContract(`transforms:\n  - ${line}\n`)).toThrow(
        /2:\d+: a control character/,
      );
    },
  );

  it("with a hundred thousand unknown keys are refused as fast as others", () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`);
    const text = `{"transforms":[{"tool":"x"}],${keys.join(",")}}`;
    expect(() => parseContract(text)).toThrow('contract:1:30: /k0: unknown key "k0"');
  });
});

describe("plain scalars of YAML", () => {
  it.each([
    ["12", 12],
    ["-0", 0],
    ["1.50", 1.5],
    ["1e3", 1000],
    ["1E+2", 100],
    ["true", true],
    ["false", false],
    ["null", null],
    ["1.2.3", "1.2.3"],
    ["./docs", "./docs"],
    [".", "."],
    ["-", undefined],
    ["3d", "3d"],
    ["8080:80", "8080:80"],
    ["v1", "v1"],
    ["yes please", "yes please"],
    ["2026", 2026],
    ["1-2", "1-2"],
    ["é", "é"],
    ['"012"', "012"],
    ["'~'", "~"],
    ['"\\u00e9\\ud83d\\ude00"', "é😀"],
  ])("%s is %j", (written, value) => {
    const text = `transforms:\n  - tool: x\n    params:\n      x: ${written}\n`;
    if (value === undefined) expect(() => parseContract(text)).toThrow("not valid YAML");
    else expect(paramsOf(text, "yaml")).toEqual({ x: value });
  });

  const doubtful =
    "~ Null NULL y Y yes Yes YES n N no No NO on On ON off Off OFF True TRUE False FALSE 012 08 +1 -012 " +
    "0o17 0b101 0x1F -0x1f 1_000 1. .5 -.5 +.5 1.e3 01.5 1_0.5 .inf -.Inf +.INF .nan .NaN 12:30 12:30:45 " +
    "1:30.5 2026-01-01 2026-1-1 2026-01-01T10:00:00Z << =";
  it.each(doubtful.split(" "))("%s must be quoted", (written) => {
    const text = `transforms:\n  - tool: x\n    params:\n      x: ${written}\n`;
    const error = refusal(() => parseContract(text, { file: "c.yaml" }));
    expect(error.message).toMatch(/^c\.yaml:4:10: \/transforms\/0\/params\/x: .* can be read as /);
    expect(error.hint).toBe(`quote it: ${JSON.stringify(written)}`);
    const key = `transforms:\n  - tool: x\n    params:\n      ${written}: 1\n`;
    expect(() => parseContract(key, { file: "c.yaml" })).toThrow(/c\.yaml:4:7/);
    const quoted = text.replace(`x: ${written}`, `x: "${written}"`);
    expect(paramsOf(quoted, "yaml")).toEqual({ x: written });
  });
});

describe("resolved contracts", () => {
  const canonical = '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"tool":"x"}]}';

  it("are told by their schema member", () => {
    const { contract } = parseContract(canonical);
    expect(isResolved(contract)).toBe(true);
    expect(isResolved(parseContract(minimal).contract)).toBe(false);
  });

  it("are taken from their exact bytes only", () => {
    expect(parseResolvedContract(bytes(canonical)).transforms).toEqual([{ tool: "x" }]);
    for (const text of [
      ` ${canonical}`,
      canonical.replace("x", "\\u0078"),
      canonical.replace("[]", '[{"name":"b","value":1},{"name":"a","value":1}]'),
      canonical.replace('"tool":"x"', '"params":{"a":1.0},"tool":"x"'),
      canonical.replace('"tool":"x"', '"params":{"a":9007199254740993},"tool":"x"'),
      canonical.replace('"tool":"x"', '"params":{"a":1,"a":1},"tool":"x"'),
      minimal,
      "",
    ]) {
      expect(() => parseResolvedContract(bytes(text)), text).toThrow(/^resolved contract:/);
    }
  });

  it("hold integers beyond 2^53 only as their double spells them", () => {
    const text = canonical.replace('"tool":"x"', '"params":{"a":100000000000000000},"tool":"x"');
    expect(parseResolvedContract(bytes(text)).transforms[0]?.params).toEqual({ a: 1e17 });
    expect(() => parseContract(text.replace("100000000000000000", "100000000000000001"))).toThrow(
      "beyond ±(2^53−1)",
    );
  });

  it("are at most 1 MiB", () => {
    const text = canonical.replace('"x"', JSON.stringify("x".repeat(1024 * 1024)));
    expect(() => parseResolvedContract(bytes(text))).toThrow("at most 1048576 are allowed");
  });
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function paramsOf(text: string, format: "json" | "yaml"): unknown {
  return parseContract(text, { format }).contract.transforms[0]?.params;
}

function withoutMinusZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withoutMinusZero(member)]),
  );
}

function refusal(work: () => unknown): CtxPackError {
  const error = refusalOrNone(work);
  if (error === undefined) throw new Error("nothing was refused");
  return error;
}

function refusalOrNone(work: () => unknown): CtxPackError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as CtxPackError;
  }
}
