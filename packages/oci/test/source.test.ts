import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesSource, describeBytes, fileSource, OciLayout } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { collect, encode, readText } from "./graph.ts";
import { workplace } from "./workplace.ts";

const place = workplace();

describe("a source", () => {
  it("gives the same bytes again, from anywhere", async () => {
    const file = join(await place(), "f");
    await writeFile(file, "hello, world");
    for (const source of [bytesSource(encode("hello, world")), fileSource(file, 12)]) {
      expect(source.size).toBe(12);
      for (const _ of [1, 2]) expect(await readText(source.open())).toBe("hello, world");
      expect(await readText(source.open(7))).toBe("world");
      expect(await readText(source.open(0, 5))).toBe("hello");
      expect(await collect(source.open(12))).toEqual([]);
    }
  });

  it("keeps a chunk as it was when the next is read", async () => {
    const bytes = new Uint8Array((2 << 20) + 5).map((_, i) => (i >> 20) + 1);
    const file = join(await place(), "f");
    await writeFile(file, bytes);
    const chunks = await collect(fileSource(file, bytes.length).open());
    expect(chunks.length).toBeGreaterThan(1);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it("reads a blob into one place over and over for who asks for that", async () => {
    const bytes = new Uint8Array((2 << 20) + 5).map((_, i) => (i >> 20) + 1);
    const d = describeBytes("application/octet-stream", bytes);
    const layout = await OciLayout.open(join(await place(), "pantry"), { create: true });
    await layout.push(d, bytesSource(bytes));
    const places = new Set<ArrayBufferLike>();
    const copies: Uint8Array[] = [];
    for await (const chunk of layout.fetch(d, { reuse: true })) {
      places.add(chunk.buffer);
      copies.push(chunk.slice());
    }
    expect(places.size).toBe(1);
    expect([...places][0]?.byteLength, "given back at the end").toBe(0);
    expect(Buffer.concat(copies).equals(bytes)).toBe(true);
  });

  it("over a file that is shorter than said, or gone, says so", async () => {
    const file = join(await place(), "f");
    await writeFile(file, "short");
    await expect(readText(fileSource(file, 6).open())).rejects.toMatchObject({
      code: "CTXPACK_E_SIZE_MISMATCH",
      details: { path: file, expected: 6, found: 5 },
    });
    await expect(readText(fileSource(`${file}x`, 6).open())).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
  });
});
