import fc from "fast-check";
import { expect, it } from "vitest";
import { isBlobDigest, splitDigest } from "../src/digest.ts";

it("takes a digest apart into what is safe in a path", () => {
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  fc.assert(
    fc.property(hex, (h) => {
      expect(splitDigest(`sha256:${h}`)).toEqual({ algorithm: "sha256", hex: h });
      expect(splitDigest(`sha512:${h}${h}`)).toEqual({ algorithm: "sha512", hex: h + h });
      expect(isBlobDigest(`sha512:${h}`)).toBe(false);
      expect(isBlobDigest(`sha256:${h}${h}`)).toBe(false);
    }),
  );
});

it("refuses everything that is a character away from one", () => {
  const character = fc.constantFrom(..."abcdef0123456789ABCDEFG./:\\\0\n -_");
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  fc.assert(
    fc.property(fc.nat(digest.length), fc.nat(1), character, (at, cut, c) => {
      const changed = digest.slice(0, at) + c + digest.slice(at + cut);
      const good = /^sha256:[0-9a-f]{64}$/.test(changed) && !changed.includes("\n");
      expect(isBlobDigest(changed)).toBe(good);
      if (!good) {
        expect(() => splitDigest(changed)).toThrow(
          expect.objectContaining({ code: "CTXPACK_E_REFERENCE" }),
        );
      }
    }),
  );
});

it.each([undefined, null, 7, {}, ["sha256"], "", "sha256:"])("refuses %j", (value) => {
  expect(isBlobDigest(value)).toBe(false);
});
