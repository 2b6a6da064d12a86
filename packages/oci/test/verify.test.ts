import { bytesSource, describeBytes, fetchBytes, verified } from "@ctxpack/oci";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, encode } from "./graph.ts";

const bytes = encode("hello, world");
const d = describeBytes("text/plain", bytes);

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
const read = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  Buffer.concat(await collect(source));

describe("verified", () => {
  it("passes on what is right, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(200), async (all, cut) => {
        const parts = chunks(all.subarray(0, cut), all.subarray(cut));
        expect(await read(verified(parts, describeBytes("a/b", all)))).toEqual(Buffer.from(all));
      }),
    );
  });

  it.each<[string, Uint8Array[], string, string]>([
    ["too short", [bytes.subarray(1)], "CTXPACK_E_SIZE_MISMATCH", "is 11 bytes, expected 12"],
    ["nothing", [], "CTXPACK_E_SIZE_MISMATCH", "is 0 bytes"],
    ["too long", [bytes, encode("!")], "CTXPACK_E_SIZE_MISMATCH", "is longer than 12 bytes"],
    [
      "something else",
      [encode("hello, w0rld")],
      "CTXPACK_E_DIGEST_MISMATCH",
      "has bytes with digest",
    ],
  ])("refuses %s", async (_, parts, code, message) => {
    await expect(read(verified(chunks(...parts), d))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it("stops reading at the first chunk too many and closes the source", async () => {
    let asked = 0;
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          asked++;
          yield bytes;
        }
      } finally {
        closed = true;
      }
    }
    await expect(read(verified(endless(), d))).rejects.toThrow("longer than");
    expect(asked).toBe(2);
    expect(closed).toBe(true);
  });
});

describe("fetchBytes", () => {
  it("does not start to read what claims to be large", async () => {
    let asked = false;
    const storage = {
      fetch: () => {
        asked = true;
        return bytesSource(bytes).open();
      },
    };
    const huge = { ...d, size: Number.MAX_SAFE_INTEGER };
    await expect(fetchBytes(storage, huge, { maxBytes: 100 })).rejects.toMatchObject({
      code: "CTXPACK_E_TOO_LARGE",
    });
    expect(asked).toBe(false);
    expect(await fetchBytes(storage, d, { maxBytes: 12 })).toEqual(bytes);
  });
});
