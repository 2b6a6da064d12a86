import { sign } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { verifySignature } from "../../src/keys/verify-signature.ts";
import { testKey } from "../fixture.ts";

it.each(["ecdsa-p256", "ed25519"] as const)(
  "takes a signature of %s, and calls everything else none",
  async (algorithm) => {
    const { publicKey, pem } = await testKey("k", algorithm);
    const bytes = Buffer.from("bytes");
    const signature = sign(algorithm === "ed25519" ? null : "sha256", bytes, pem);
    expect(verifySignature(bytes, publicKey, signature)).toBe(true);
    const wrong = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(signature.length - 1).map((end) => signature.subarray(0, end)),
      fc.tuple(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
        const flipped = Buffer.from(signature);
        flipped[at] = (flipped[at] as number) ^ by;
        return flipped;
      }),
    );
    fc.assert(
      fc.property(wrong, (candidate) => {
        expect(verifySignature(bytes, publicKey, candidate)).toBe(false);
      }),
      { numRuns: 500 },
    );
  },
);
