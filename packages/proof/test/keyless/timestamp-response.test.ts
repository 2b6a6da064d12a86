import { generateKeyPairSync, hash } from "node:crypto";
import { initializeTSA } from "@sigstore/mock";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTimestampResponse } from "../../src/keyless/timestamp-response.ts";

async function stamp(time: Date, hashAlgorithmOID = "2.16.840.1.101.3.4.2.1"): Promise<Buffer> {
  const tsa = await initializeTSA(generateKeyPairSync("ec", { namedCurve: "P-256" }), time);
  const artifactHash = hash("sha256", "a signature", "buffer");
  const request = { artifactHash, hashAlgorithmOID, nonce: 1, policyOID: "1.2.3" };
  const view = await tsa.timestamp(request);
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

describe("parseTimestampResponse", () => {
  it.each(["2026-11-20T10:00:00.000Z", "2026-11-20T10:00:00.500Z", "2026-02-28T23:59:59.123Z"])(
    "reads %s",
    async (text) => {
      expect(parseTimestampResponse(await stamp(new Date(text)))).toEqual({
        digest: hash("sha256", "a signature", "buffer"),
        time: new Date(text),
      });
    },
  );

  it("wants a SHA-256, and a time that there is", async () => {
    const time = new Date("2026-11-20T10:00:00Z");
    expect(parseTimestampResponse(await stamp(time, "2.16.840.1.101.3.4.2.2"))).toBeUndefined();
    const der = await stamp(time);
    for (const wrong of ["20261320100000Z", "2026112010000xZ", "20261120106100Z"]) {
      const text = der.toString("latin1").replace("20261120100000Z", wrong);
      expect(parseTimestampResponse(Buffer.from(text, "latin1"))).toBeUndefined();
    }
  });

  it("gives no time for anything that is cut or not granted, and never throws", async () => {
    const der = await stamp(new Date());
    for (let length = 0; length < der.length; length++) {
      expect(parseTimestampResponse(der.subarray(0, length))).toBeUndefined();
    }
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    fc.assert(fc.property(bytes, (any) => parseTimestampResponse(any) === undefined));
    const place = fc.nat({ max: der.length - 1 });
    fc.assert(
      fc.property(place, fc.nat({ max: 255 }), (at, byte) => {
        const changed = Buffer.from(der);
        changed[at] = byte;
        parseTimestampResponse(changed);
      }),
    );
  });
});
