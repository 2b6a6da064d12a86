import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/dsse/base64.ts";

describe("decodeBase64", () => {
  it("reads both alphabets, padded or not, and writes the standard one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const standard = Buffer.from(bytes).toString("base64");
        const urlSafe = Buffer.from(bytes).toString("base64url");
        const forms = [standard, standard.replaceAll("=", ""), urlSafe];
        for (const form of forms) expect(decodeBase64(form)).toEqual(Buffer.from(bytes));
        expect(encodeBase64(bytes)).toBe(standard);
      }),
    );
  });

  it("gives each text at most one meaning: what it reads is what would be written", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9+/_=-]{0,12}$/), (text) => {
        const bytes = decodeBase64(text);
        if (bytes === undefined) return;
        const digits = text.replaceAll("=", "");
        const [standard, urlSafe] = [bytes.toString("base64"), bytes.toString("base64url")];
        expect([standard.replaceAll("=", ""), urlSafe]).toContain(digits);
      }),
    );
  });

  it.each([
    ["a space", "YQ ="],
    ["a line break", "YWJj\n"],
    ["one digit", "Y"],
    ["bits that no byte has", "YR=="],
    ["too much padding", "YQ==="],
    ["too little padding", "YQ="],
    ["padding in the middle", "YQ==YQ=="],
    ["padding alone", "=="],
    ["both alphabets at once", "-/-/"],
    ["other characters", "YÄ=="],
  ])("does not read %s", (_, text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });
});
