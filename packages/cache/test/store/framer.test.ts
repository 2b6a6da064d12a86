import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { compressFrame } from "../../src/pack/index.ts";
import { Blobs } from "../../src/store/blobs.ts";
import { Framer } from "../../src/store/framer.ts";
import type { Parts } from "../../src/store/parts.ts";
import { Places } from "../../src/store/places.ts";
import { putFrame } from "../../src/store/put-frame.ts";
import { noise, workplace } from "./fixture.ts";

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

it.each([
  ["text", Buffer.alloc(3_000_000, "what compresses well, ")],
  ["noise", noise(3_000_001)],
  ["more noise than glibc keeps", noise(20_000_000)],
  ["nothing", Buffer.alloc(0)],
])("stores the frame that there is of %s, and leaves the segment as it is", async (_, raw) => {
  const dir = workplace();
  let count = 0;
  const blobs = new Blobs(new Places(dir), { path: () => join(dir, `t${++count}`) });
  const before = Buffer.from(raw);
  const blob = await putFrame(blobs, raw);
  expect(raw.equals(before)).toBe(true);
  const frame = compressFrame(raw);
  expect(readFileSync(blobs.path(blob.digest)).equals(frame)).toBe(true);
  expect(blob).toMatchObject({ size: frame.length, created: true });
  expect(Buffer.from(blobs.readWhole(blob)).equals(frame)).toBe(true);
});
