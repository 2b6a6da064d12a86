import { CtxPackError } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { Framer } from "../../src/store/framer.ts";
import type { Parts } from "../../src/store/parts.ts";

it("takes no more segments once one could not be written", async () => {
  const full = new CtxPackError("CTXPACK_E_NO_SPACE", "no space left");
  const parts = {
    database: { frame: async () => undefined },
    blobs: { put: () => Promise.reject(full) },
  } as unknown as Parts;
  const framer = new Framer(parts);
  await framer.add(Buffer.from("first"));
  await framer.settle();
  await expect(framer.add(Buffer.from("second"))).rejects.toBe(full);
  await expect(framer.finish()).rejects.toBe(full);
});
