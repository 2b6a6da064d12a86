import { GEAR, GearLanes, gearOf, WINDOW } from "./gear.ts";

/** A named choice of segment sizes; without one a pack has at most 399 segments where it can. */
export type Profile = "fine";

/** Segments are never cut for an average under 2^18 or over 2^26 bytes. */
const LEAST_EXPONENT = 18;
export const LARGEST_EXPONENT = 26;

/** Quarters below this are not worth being searched side by side, in bytes. */
const WORTH_LANES = 1024;

/** One for all: a search is done before the next one begins. */
let lanes: GearLanes | undefined | "not made" = "not made";

/**
 * `n` of DESIGN §5.1: how many average segments a tar is meant to have. A result of more than n-1
 * segments is computed anew with a doubled average.
 */
export function segmentGoal(profile: Profile | undefined): number {
  return profile === "fine" ? 4000 : 400;
}

/** log2 of the average segment for a tar of `tarSize` bytes: the least e with n·2^e ≥ T, from 18 to 26. */
export function firstExponent(tarSize: number, goal: number): number {
  let exponent = LEAST_EXPONENT;
  while (exponent < LARGEST_EXPONENT && goal * 2 ** exponent < tarSize) exponent++;
  return exponent;
}

/**
 * log2 of the average segment that any pack of a tar of `tarSize` bytes was cut with; `undefined` for one so large that
 * it may have been cut again with a larger one.
 */
export function certainExponent(tarSize: number, profile: Profile | undefined): number | undefined {
  const goal = segmentGoal(profile);
  const exponent = firstExponent(tarSize, goal);
  // A segment is at least half an average long, unless a file of four averages or more begins or ends there.
  const most = tarSize / 2 ** (exponent - 1) + (2 * tarSize) / ownSegmentSize(exponent) + 1;
  return most < goal || exponent === LARGEST_EXPONENT ? exponent : undefined;
}

/** The size from which a file starts and ends a segment. */
export function ownSegmentSize(exponent: number): number {
  return 4 * 2 ** exponent;
}

/**
 * Finds where segments end (FastCDC with a 32-bit gear hash, DESIGN §5.1 "Cuts"). Fed every byte of
 * the tar in order; bytes before the last 32 that lead to the least length are skipped, because h
 * cannot remember them.
 */
export class Chunker {
  readonly #least: number;
  readonly #average: number;
  readonly #strict: number;
  readonly #loose: number;
  #length = 0;
  #h = 0;

  constructor(exponent: number) {
    this.#average = 1 << exponent;
    this.#least = this.#average >> 1;
    this.#strict = -1 << (32 - (exponent + 2));
    this.#loose = -1 << (32 - (exponent - 2));
  }

  /** Begins a segment with the next byte: after a cut that content did not ask for. */
  restart(): void {
    this.#length = 0;
  }

  /**
   * Takes in `bytes` from `from` to `to`, up to the byte that ends a segment. Returns the position
   * after that byte, from where the next call goes on, or -1 when all were taken in without a cut.
   */
  next(bytes: Uint8Array, from: number, to: number): number {
    const start = from - this.#length;
    const least = Math.min(to, start + this.#least - 1);
    const average = Math.min(to, start + this.#average - 1);
    const most = Math.min(to, start + 2 * this.#average - 1);
    const first = Math.max(from, Math.min(to, start + this.#least - WINDOW));
    this.#h = gearOf(bytes, first, least, this.#h);
    let end = this.#search(bytes, Math.max(first, least), average, this.#strict);
    if (end < 0) end = this.#search(bytes, Math.max(first, average), most, this.#loose);
    if (end < 0 && most < to) end = most + 1;
    this.#length = end < 0 ? this.#length + to - from : 0;
    return end;
  }

  /** Takes in bytes until the ones of `mask` in h are zero; returns the position after, or -1. */
  #search(bytes: Uint8Array, from: number, to: number, mask: number): number {
    for (let at = from; at < to; at += GearLanes.room) {
      const end = this.#searchPiece(bytes, at, Math.min(to, at + GearLanes.room), mask);
      if (end >= 0) return end;
    }
    return -1;
  }

  /** `#search` of what may be searched at once. */
  #searchPiece(bytes: Uint8Array, from: number, to: number, mask: number): number {
    const quarter = GearLanes.quarter(to - from);
    if (quarter < WORTH_LANES) return this.#scan(bytes, from, to, mask);
    if (lanes === "not made") lanes = GearLanes.make();
    if (lanes === undefined) return this.#scan(bytes, from, to, mask);
    const passed = lanes.search(bytes, from, quarter, this.#h, mask);
    // What is left of the quarters: nothing, or in one of them, and that may be a later one, is what was found.
    for (const [lane, h] of lanes.states.entries()) {
      const start = from + lane * quarter;
      this.#h = h;
      const end = this.#scan(bytes, start + passed, start + quarter, mask);
      if (end >= 0) return end;
    }
    return this.#scan(bytes, from + 4 * quarter, to, mask);
  }

  /** `#search`, one byte after the other. */
  #scan(bytes: Uint8Array, from: number, to: number, mask: number): number {
    const gear = GEAR;
    let h = this.#h;
    let i = from | 0;
    const fours = (to - 3) | 0;
    for (; i < fours; i += 4) {
      h = ((h << 1) + (gear[bytes[i] as number] as number)) | 0;
      if ((h & mask) === 0) return i + 1;
      h = ((h << 1) + (gear[bytes[i + 1] as number] as number)) | 0;
      if ((h & mask) === 0) return i + 2;
      h = ((h << 1) + (gear[bytes[i + 2] as number] as number)) | 0;
      if ((h & mask) === 0) return i + 3;
      h = ((h << 1) + (gear[bytes[i + 3] as number] as number)) | 0;
      if ((h & mask) === 0) return i + 4;
    }
    for (; i < to; i++) {
      h = ((h << 1) + (gear[bytes[i] as number] as number)) | 0;
      if ((h & mask) === 0) return i + 1;
    }
    this.#h = h;
    return -1;
  }
}
