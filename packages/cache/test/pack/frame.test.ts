import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants, zstdCompressSync } from "node:zlib";
import { compressFrame, decompressFrame, frameContentSize, LIMITS } from "@ctxpack/cache/pack";
import { describe, expect, it } from "vitest";
import { noise, sha } from "./memory.ts";

interface FrameVectors {
  zstd: string;
  frames: { repeat?: string; random?: string; size: number; raw: boolean; frame: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/frames.json", import.meta.url), "utf8"),
) as FrameVectors;
const isVectorsZstd = process.versions["zstd"] === vectors.zstd;
if (!isVectorsZstd) console.warn(`skipped: frames need zstd ${vectors.zstd}`);
const hasZstd = hasProgram("zstd");
if (!hasZstd) console.warn("skipped: needs zstd");

function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function contentOf(v: { repeat?: string; random?: string; size: number }): Buffer {
  if (v.random !== undefined) return noise(v.random, v.size);
  return Buffer.alloc(v.size, v.repeat ?? "");
}

const text = Buffer.alloc(200_000, "the quick brown fox jumps over the lazy dog 0123456789\n");

describe("compressFrame", () => {
  it.each(vectors.frames.filter((v) => v.raw || isVectorsZstd))(
    "gives the golden frame of %o",
    (vector) => {
      const content = contentOf(vector);
      const frame = compressFrame(content);
      expect(sha(frame)).toBe(vector.frame);
      expect(frameContentSize(frame)).toBe(vector.size);
      expect(Buffer.compare(decompressFrame(frame, vector.size), content)).toBe(0);
    },
  );

  it("stores what the first 64 KiB do not shrink by 3 %, even if the rest would", () => {
    const content = Buffer.concat([noise("probe", 65_536), Buffer.alloc(500_000)]);
    const frame = compressFrame(content);
    expect(frame.length).toBe(content.length + 9 + 3 * Math.ceil(content.length / 131_072));
    const other = compressFrame(Buffer.concat([Buffer.alloc(65_536), noise("rest", 500_000)]));
    expect(other.length).toBeLessThan(500_000 + 1000);
    expect(Buffer.compare(decompressFrame(frame, content.length), content)).toBe(0);
  });

  it("draws the line at 97 % of the probe", () => {
    const seen = { raw: 0, compressed: 0 };
    for (let zeros = 1500; zeros < 3000; zeros += 20) {
      const probe = Buffer.concat([noise("line", 65_536 - zeros), Buffer.alloc(zeros)]);
      const compressed = zstd(probe, { [constants.ZSTD_c_compressionLevel]: 1 });
      const isRaw = compressed.length > 0.97 * 65_536;
      expect(compressFrame(probe).length).toBe(isRaw ? 65_536 + 10 : compressed.length);
      seen[isRaw ? "raw" : "compressed"]++;
    }
    expect(Math.min(seen.raw, seen.compressed)).toBeGreaterThan(0);
  });

  it("frames the largest segment", () => {
    const content = Buffer.alloc(LIMITS.segment);
    expect(decompressFrame(compressFrame(content), content.length).length).toBe(content.length);
  });

  it.skipIf(!hasZstd)("is read by zstd, one frame after the other", () => {
    const parts = [
      text,
      noise("z", 300_000),
      Buffer.from("x"),
      noise("y", 256),
      noise("w", 65_791),
    ];
    const input = Buffer.concat(parts.map((part) => compressFrame(part)));
    const out = execFileSync("zstd", ["-dc"], { input, maxBuffer: 2 ** 26 });
    expect(sha(out)).toBe(sha(Buffer.concat(parts)));
  });
});

describe("decompressFrame", () => {
  const frame = Buffer.from(compressFrame(text));
  const stored = Buffer.from(compressFrame(noise("stored", 200_000)));
  const patched = (source: Buffer, at: number, byte: number) => {
    const copy = Buffer.from(source);
    copy[at] = byte;
    return copy;
  };

  it.each([
    ["a second frame", Buffer.concat([frame, frame]), "do not belong to it"],
    ["an empty frame behind", Buffer.concat([frame, compressFrame(Buffer.alloc(0))]), "belong"],
    ["a skippable frame behind", Buffer.concat([frame, skippable(4)]), "do not belong to it"],
    ["a skippable frame in front", Buffer.concat([skippable(4), frame]), "magic"],
    ["one byte behind", Buffer.concat([frame, Buffer.alloc(1)]), "followed by 1 bytes"],
    ["no last byte", frame.subarray(0, -1), "cut off"],
    ["no blocks", frame.subarray(0, 9), "cut off"],
    ["half a header", frame.subarray(0, 7), "cut off"],
    ["nothing", Buffer.alloc(0), "magic"],
    ["gzip", Buffer.from("1f8b08000000000000", "hex"), "magic"],
    ["a reserved bit", patched(frame, 4, (frame[4] as number) | 8), "reserved bit"],
    ["a dictionary", patched(frame, 4, (frame[4] as number) | 1), "dictionary"],
    ["a checksum", zstd(text, { [constants.ZSTD_c_checksumFlag]: 1 }), "checksum"],
    ["no content size", zstd(text, { [constants.ZSTD_c_contentSizeFlag]: 0 }), "content size"],
    ["a window of 2 GiB", patched(zstd(Buffer.alloc(2 ** 22), {}), 5, 21 << 3), "of memory"],
    ["a reserved block", patched(stored, 9, (stored[9] as number) | 6), "reserved type"],
    ["a huge content size", hugeSize(), "of memory"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decompressFrame(bytes, text.length)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PACK",
        message: expect.stringContaining(message),
      }),
    );
  });

  it("refuses another size than expected, before decompressing", () => {
    expect(() => decompressFrame(frame, text.length - 1)).toThrow(/says it holds 200000 bytes/);
  });

  it.each([1, -1])("refuses a frame whose stated size lies by %d", (by) => {
    const lying = Buffer.from(frame);
    lying.writeUInt32LE(text.length + by, 6);
    expect((lying[4] as number) >> 6).toBe(2);
    expect(() => decompressFrame(lying, text.length + by)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PACK" }),
    );
  });

  it("refuses a bomb by its blocks, before decompressing", () => {
    // 100,000 blocks that repeat one byte 128 Ki times: 12 GiB from 400 kB, stated as 1 MiB.
    const block = Buffer.alloc(4);
    block.writeUIntLE((131_072 << 3) | 2, 0, 3);
    const header = Buffer.from("28b52ffda000001000", "hex");
    const bomb = Buffer.concat([header, ...Array.from({ length: 100_000 }, () => block)]);
    expect(() => decompressFrame(bomb, 2 ** 20)).toThrow(/holds more than the content size/);
  });

  it("refuses every frame with one bit flipped, or gives other bytes than were packed", () => {
    const small = compressFrame(Buffer.from("abcabcabcabcabcabcabcabcabcabc, and then some"));
    for (let bit = 0; bit < small.length * 8; bit++) {
      const copy = Buffer.from(small);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      let content: Uint8Array | undefined;
      try {
        content = decompressFrame(copy, 45);
      } catch (error) {
        expect(error).toMatchObject({ code: "CTXPACK_E_PACK" });
      }
      if (content !== undefined) expect(content.length).toBe(45);
    }
  });
});

function zstd(content: Buffer, params: Record<number, number>): Buffer {
  return zstdCompressSync(content, { params, pledgedSrcSize: content.length });
}

function skippable(size: number): Buffer {
  const bytes = Buffer.alloc(8 + size);
  bytes.writeUInt32LE(0x184d2a50, 0);
  bytes.writeUInt32LE(size, 4);
  return bytes;
}

function hugeSize(): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(0xfd2fb528, 0);
  bytes[4] = 0xe0;
  bytes.writeBigUInt64LE(2n ** 60n, 5);
  bytes[13] = 1;
  return bytes;
}
