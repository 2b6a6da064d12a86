import { sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createStatement,
  parseStatement,
  STATEMENT_TYPE,
  type Statement,
  statementBytes,
} from "../../src/index.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const digest = sha256(encode("a"));
const hex = digest.slice("sha256:".length);
const base = {
  _type: STATEMENT_TYPE,
  subject: [{ name: "ghcr.io/acme/packs", digest: { sha256: hex } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: { a: 1 },
};
const parse = (value: object): Statement => parseStatement(encode(JSON.stringify(value)));

describe("parseStatement", () => {
  it("reads what createStatement and statementBytes write", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(text, fc.dictionary(text, fc.jsonValue({ maxDepth: 5 })), (name, predicate) => {
        const statement = createStatement({
          subject: { name, digest },
          predicateType: "https://example.com/a/v1",
          predicate: JSON.parse(JSON.stringify(predicate)),
        });
        expect(parseStatement(statementBytes(statement))).toEqual(statement);
      }),
    );
  });

  it("reads statements of others: without a name, with sha512, without a predicate", () => {
    const subject = [
      { digest: { sha512: "ab".repeat(64) }, uri: "pkg:npm/a@1", annotations: { a: 1 } },
    ];
    expect(parse({ ...base, subject, predicate: undefined })).toEqual({
      ...base,
      subject: [{ name: "", digest: { sha512: "ab".repeat(64) } }],
      predicate: {},
    });
  });

  it("reads version 0.1, whose members are the same, as version 1", () => {
    expect(parse({ ...base, _type: "https://in-toto.io/Statement/v0.1" })).toEqual(base);
  });

  it.each([
    ["another type", { ...base, _type: "https://in-toto.io/Statement/v0.2" }, "/_type"],
    ["a member more", { ...base, extra: 1 }, "/extra"],
    ["no subject", { ...base, subject: [] }, "/subject"],
    ["subjects that are no list", { ...base, subject: {} }, "/subject"],
    ["a subject that is text", { ...base, subject: ["a"] }, "/subject/0"],
    ["a subject without digest", { ...base, subject: [{ name: "a" }] }, "/subject/0"],
    ["an empty digest set", { ...base, subject: [{ name: "a", digest: {} }] }, "/subject/0"],
    ["a member more of a subject", { ...base, subject: [{ ...base.subject[0], x: 1 }] }, "/0/x"],
    [
      "a digest in capitals",
      { ...base, subject: [{ name: "a", digest: { sha256: hex.toUpperCase() } }] },
      "/subject/0/digest/sha256",
    ],
    [
      "a sha256 that is short",
      { ...base, subject: [{ name: "a", digest: { sha256: hex.slice(2) } }] },
      "64 lower-case hex digits",
    ],
    [
      "a digest that is a number",
      { ...base, subject: [{ name: "a", digest: { sha512: 12 } }] },
      "/subject/0/digest/sha512: expected lower-case hex digits",
    ],
    [
      "33 digests",
      {
        ...base,
        subject: [
          {
            digest: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, hex])),
          },
        ],
      },
      "33 digests, at most 32",
    ],
    ["a name that is a number", { ...base, subject: [{ ...base.subject[0], name: 1 }] }, "/0/name"],
    ["no predicateType", { ...base, predicateType: undefined }, "/predicateType"],
    ["an empty predicateType", { ...base, predicateType: "" }, "/predicateType"],
    ["a predicate that is a list", { ...base, predicate: [] }, "found a list"],
    ["a predicate that is text", { ...base, predicate: "a" }, "found a string"],
    ["a list", [base], "found a list"],
    [
      "1,025 subjects",
      { ...base, subject: Array.from({ length: 1025 }, () => base.subject[0]) },
      "1025 items, at most 1024",
    ],
  ])("refuses %s", (_, value, message) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROOF_STATEMENT",
        message: expect.stringContaining(message),
      }),
    );
  });

  it.each([
    ["a key twice", JSON.stringify(base).replace('"a":1', '"a":1,"\\u0061":2')],
    ["a BOM", `\u{feff}${JSON.stringify(base)}`],
    ["nothing", ""],
    ["null", "null"],
  ])("refuses %s", (_, text) => {
    expect(() => parseStatement(encode(text))).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PROOF_STATEMENT" }),
    );
  });

  it("refuses bytes that are not UTF-8", () => {
    const bytes = encode(JSON.stringify(base));
    bytes[bytes.indexOf("g".charCodeAt(0))] = 0xff;
    expect(() => parseStatement(bytes)).toThrow("not JSON in UTF-8");
  });

  it("reads 64 levels and refuses 65, and a megabyte of brackets at once", () => {
    const nested = (levels: number) =>
      `{"_type":"${STATEMENT_TYPE}","subject":[{"digest":{"sha256":"${hex}"}}],"predicateType":"a:b","predicate":{"a":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}}`;
    expect(parseStatement(encode(nested(64))).predicateType).toBe("a:b");
    expect(() => parseStatement(encode(nested(65)))).toThrow("nested deeper than 64 levels");
    expect(() => parseStatement(encode(nested(400_000)))).toThrow("nested deeper than 64 levels");
  });

  it("refuses more than 1 MiB before it looks at them", () => {
    expect(() => parseStatement(new Uint8Array((1 << 20) + 1))).toThrow("at most 1048576");
  });
});

describe("createStatement", () => {
  const predicateType = "https://example.com/a/v1";

  it.each([
    ["an empty name", { name: "", digest }, predicateType],
    ["a digest that is none", { name: "a", digest: "sha256:ab" as typeof digest }, predicateType],
    ["a predicate type that is no URI", { name: "a", digest }, "provenance"],
  ])("refuses %s", (_, subject, type) => {
    expect(() => createStatement({ subject, predicateType: type, predicate: {} })).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_USAGE" }),
    );
  });

  it("gives the same bytes for the same facts, and refuses more than a verifier reads", () => {
    const subject = { name: "a", digest };
    const one = createStatement({ subject, predicateType, predicate: { b: 1, a: 2 } });
    const two = createStatement({ subject, predicateType, predicate: { a: 2, b: 1 } });
    expect(statementBytes(one)).toEqual(statementBytes(two));
    const large = { ...one, predicate: { a: "x".repeat(1 << 20) } };
    expect(() => statementBytes(large)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_TOO_LARGE" }),
    );
  });
});
