import { describeBytes, fetchBytes } from "@ctxpack/oci";
import { expect, it } from "vitest";
import { encode } from "./graph.ts";

it("fetchBytes stops at the first byte too many, whatever the source says", async () => {
  let sent = 0;
  const endless = {
    async *fetch(): AsyncGenerator<Uint8Array> {
      for (; sent < 1000; sent++) yield encode("x");
    },
  };
  const d = describeBytes("text/plain", encode("xxx"));
  await expect(fetchBytes(endless, d, { maxBytes: 10 })).rejects.toMatchObject({
    code: "CTXPACK_E_SIZE_MISMATCH",
    message: `blob ${d.digest} is longer than 3 bytes`,
  });
  expect(sent).toBe(3);
});
