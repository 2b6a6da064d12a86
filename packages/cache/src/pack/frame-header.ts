import { CtxPackError } from "@ctxpack/identity";
import { LIMITS } from "./limits.ts";

const MAGIC = 0xfd2fb528;
const BLOCK_MOST = 131_072;
const RAW = 0;
const RLE = 1;
const RESERVED = 3;

interface FrameHeader {
  readonly end: number;
  readonly contentSize: number;
  readonly windowSize: number;
}

/**
 * How many bytes a frame says it holds, after checking that `frame` is exactly one zstd frame
 * (RFC 8878 §3.1.1) with a content size and a bounded window, without dictionary and checksum, and
 * nothing after its last block. Nothing is allocated. Throws CTXPACK_E_PACK.
 */
export function frameContentSize(frame: Uint8Array): number {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = parseHeader(bytes);
  const end = walkBlocks(bytes, header);
  if (end !== bytes.length) {
    throw refuse(`is followed by ${bytes.length - end} bytes that do not belong to it`);
  }
  return header.contentSize;
}

function parseHeader(bytes: Buffer): FrameHeader {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== MAGIC) throw refuse("has no zstd magic number");
  const descriptor = bytes.readUInt8(4);
  const single = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  if ((descriptor & 0x08) !== 0) throw refuse("sets a reserved bit");
  if ((descriptor & 0x04) !== 0) throw refuse("has a checksum, which segments do not have");
  if ((descriptor & 0x03) !== 0) throw refuse("asks for a dictionary");
  if (sizeFlag === 0 && !single) throw refuse("does not state its content size");
  const width = 2 ** sizeFlag;
  const sizeAt = single ? 5 : 6;
  if (bytes.length < sizeAt + width) throw refuse("is cut off in its header");
  const contentSize = readContentSize(bytes, sizeAt, width);
  const windowSize = single ? contentSize : readWindowSize(bytes.readUInt8(5));
  // Either is what a decoder allocates; larger than any segment or index is a bomb.
  if (contentSize > LIMITS.index || windowSize > LIMITS.index) {
    throw refuse(`asks for ${Math.max(contentSize, windowSize)} bytes of memory`);
  }
  return { end: sizeAt + width, contentSize, windowSize };
}

function readContentSize(bytes: Buffer, at: number, width: number): number {
  if (width === 8) return Number(bytes.readBigUInt64LE(at));
  return bytes.readUIntLE(at, width) + (width === 2 ? 256 : 0);
}

function readWindowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Returns the position after the last block, having seen that the blocks cannot overshoot the content. */
function walkBlocks(bytes: Buffer, header: FrameHeader): number {
  const most = Math.min(BLOCK_MOST, header.windowSize);
  let plain = 0;
  for (let at = header.end; ; ) {
    if (at + 3 > bytes.length) throw refuse("is cut off before its last block");
    const block = bytes.readUIntLE(at, 3);
    const type = (block >> 1) & 3;
    const size = block >> 3;
    if (type === RESERVED) throw refuse("has a block of the reserved type");
    if (size > most) throw refuse(`has a block of ${size} bytes, at most ${most} are allowed`);
    if (type === RAW || type === RLE) plain += size;
    if (plain > header.contentSize) throw refuse("holds more than the content size it states");
    at += 3 + (type === RLE ? 1 : size);
    if (at > bytes.length) throw refuse("is cut off inside a block");
    if ((block & 1) !== 0) return at;
  }
}

function refuse(why: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", `a zstd frame ${why}`, {
    hint: "the pack was not written by ctxpack or was damaged before it was pushed",
  });
}
