import { hash } from "node:crypto";
import { endianness } from "node:os";
import { GEAR_CODE, GEAR_LAYOUT } from "./gear.generated.ts";

/** h is 32 bits wide and moves one bit a byte: older bytes have left it. */
export const WINDOW = 32;

/** Byte i to the first four bytes, big-endian, of sha256("ctxpack.gear/v1" ‖ i). */
export const GEAR: Int32Array = Int32Array.from({ length: 256 }, (_, byte) =>
  hash(
    "sha256",
    Buffer.from(`ctxpack.gear/v1${String.fromCharCode(byte)}`, "latin1"),
    "buffer",
  ).readInt32BE(0),
);

/** h after the bytes from `from` to `to`. */
export function gearOf(bytes: Uint8Array, from: number, to: number, h: number): number {
  const gear = GEAR;
  let value = h;
  for (let i = from; i < to; i++) value = ((value << 1) + (gear[bytes[i] as number] as number)) | 0;
  return value;
}

/** What of WebAssembly is used here, for @types/node does not have it; there is none under `--jitless`. */
interface Compiler {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: GearExports };
}

/** What scripts/assemble-gear.ts exports. */
interface GearExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  search(quarter: number, limit: number): number;
}

/**
 * Searches four quarters of a range at once, in WebAssembly, at three times the speed of JavaScript: h depends on
 * the one before it, but where a quarter begins it follows from the 32 bytes before.
 */
export class GearLanes {
  /** Bytes that can be searched at once. */
  static readonly room: number = GEAR_LAYOUT.room;

  /** After `search`: h of each quarter at the place up to which there was nothing to find. */
  readonly states: Int32Array;
  readonly #data: Uint8Array;
  readonly #search: GearExports["search"];

  private constructor({ memory: { buffer }, search }: GearExports) {
    new Int32Array(buffer).set(GEAR);
    this.states = new Int32Array(buffer, GEAR_LAYOUT.states, 4);
    this.#data = new Uint8Array(buffer, GEAR_LAYOUT.data);
    this.#search = search;
  }

  /**
   * `undefined` where there is no WebAssembly, under `--jitless` or on a processor without its vectors, or where memory is
   * not little-endian, as that of WebAssembly is.
   */
  static make(): GearLanes | undefined {
    if (endianness() !== "LE") return undefined;
    try {
      const { Module, Instance } = Reflect.get(globalThis, "WebAssembly") as Compiler;
      return new GearLanes(new Instance(new Module(Buffer.from(GEAR_CODE, "base64"))).exports);
    } catch {
      return undefined;
    }
  }

  /** The length of a quarter of `length` bytes, of which some are left over at the end. */
  static quarter(length: number): number {
    const { step } = GEAR_LAYOUT;
    return Math.floor(length / (4 * step)) * step;
  }

  /**
   * How many bytes of every quarter from `from` on lead to an h of which some bit of `mask` is set. `mask` are upper bits; `h`
   * is the one before `from`, and `quarter` a quarter of no more than `room`. Within the 16 bytes after these, one quarter
   * has an h without them, unless that is its end.
   */
  search(bytes: Uint8Array, from: number, quarter: number, h: number, mask: number): number {
    this.#data.set(bytes.subarray(from, from + 4 * quarter));
    this.states[0] = h;
    for (let lane = 1; lane < 4; lane++) {
      const start = from + lane * quarter;
      this.states[lane] = gearOf(bytes, start - WINDOW, start, 0);
    }
    // Their upper bits are zero: they are less than the lowest of these bits.
    return this.#search(quarter, -mask);
  }
}
