import { constants, type ZstdOptions, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { CtxPackError } from "@ctxpack/identity";
import { bufferSize } from "./buffer-size.ts";
import { frameContentSize } from "./frame-header.ts";

/** How much of the data decides whether compressing is worth it. */
const PROBE = 65_536;
const RAW_BLOCK = 131_072;
const RAW_BLOCK_HEADER = 3;

/**
 * One zstd frame around `raw`: the bytes `ZSTD_compress2` gives in one call at level 1 with the
 * content size, or raw blocks where the first 64 KiB save less than 3 % (DESIGN §5.1, "Frames").
 * The bytes depend on the version of zstd, except those of raw frames.
 */
export function compressFrame(raw: Uint8Array): Uint8Array {
  const pieces = framePieces(raw);
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
}

/** `compressFrame`, in pieces: what is stored raw is not copied, but lies in `raw`. */
export function framePieces(raw: Uint8Array): Uint8Array[] {
  const probe = zstdCompressSync(raw.subarray(0, PROBE), settingsFor(Math.min(PROBE, raw.length)));
  if (probe.length * 100 > Math.min(PROBE, raw.length) * 97) return storedPieces(raw);
  if (raw.length <= PROBE) return [probe];
  return [zstdCompressSync(raw, settingsFor(raw.length))];
}

/**
 * The content of one frame that has to hold exactly `size` bytes. Memory is bounded by `size`.
 * Throws CTXPACK_E_PACK when the bytes are anything but one whole frame with its content size, no
 * dictionary and no checksum: Node's decoder alone would ignore what follows the first frame.
 */
export function decompressFrame(frame: Uint8Array, size: number): Uint8Array {
  const stated = frameContentSize(frame);
  if (stated !== size) {
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `a zstd frame says it holds ${stated} bytes, expected ${size}`,
      { details: { expected: size, found: stated } },
    );
  }
  try {
    // Room for one more than there may be, so that the decoder needs no second buffer to stop.
    const content = zstdDecompressSync(frame, {
      chunkSize: bufferSize(size + 64),
      maxOutputLength: Math.max(1, size),
    });
    if (content.length === size) return content;
    throw new RangeError(`the decoder gave ${content.length} bytes`);
  } catch (cause) {
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `a zstd frame of ${frame.length} bytes does not decompress to the ${size} bytes it names`,
      { cause, details: { expected: size } },
    );
  }
}

function settingsFor(size: number): ZstdOptions {
  return {
    // With an output as long as the bound and the size pledged, zstd takes the path of one call.
    chunkSize: bufferSize(largestFrame(size)),
    pledgedSrcSize: size,
    params: {
      [constants.ZSTD_c_compressionLevel]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 0,
    },
  };
}

/**
 * No frame around `size` bytes is longer: at least what `ZSTD_compressBound` asks for and what a raw
 * frame takes. A blob that claims to be is a bomb of empty blocks.
 */
export function largestFrame(size: number): number {
  return size + (size >>> 7) + 4096;
}

function storedPieces(raw: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [storedHeader(raw.length)];
  const blocks = Math.max(1, Math.ceil(raw.length / RAW_BLOCK));
  for (let block = 0; block < blocks; block++) {
    const content = raw.subarray(block * RAW_BLOCK, (block + 1) * RAW_BLOCK);
    const last = block === blocks - 1 ? 1 : 0;
    const header = Buffer.alloc(RAW_BLOCK_HEADER);
    header.writeUIntLE(last | (content.length << 3), 0, RAW_BLOCK_HEADER);
    pieces.push(header, content);
  }
  return pieces;
}

/** RFC 8878 §3.1.1.1: single-segment, content size in the fewest bytes that hold it. */
function storedHeader(size: number): Buffer {
  const width = size < 256 ? 1 : size < 65_536 + 256 ? 2 : 4;
  const flag = width === 1 ? 0 : width === 2 ? 1 : 2;
  const header = Buffer.alloc(5 + width);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8((flag << 6) | 0x20, 4);
  header.writeUIntLE(width === 2 ? size - 256 : size, 5, width);
  return header;
}
