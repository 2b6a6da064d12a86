import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleGear, GEAR_MODULE } from "../../../../scripts/assemble-gear.ts";
import { Chunker, firstExponent, segmentGoal } from "../../src/pack/chunker.ts";
import { GEAR, GearLanes } from "../../src/pack/gear.ts";
import { noise } from "./memory.ts";

/** DESIGN §5.1 as it is written: every byte goes into h, every byte is looked at. */
function naiveCuts(bytes: Uint8Array, exponent: number, forced: ReadonlySet<number>): number[] {
  const average = 2 ** exponent;
  const cuts: number[] = [];
  let h = 0;
  let length = 0;
  for (const [i, byte] of bytes.entries()) {
    h = ((h << 1) + (GEAR[byte] as number)) >>> 0;
    length++;
    const bits = length < average ? exponent + 2 : exponent - 2;
    const found = length >= average / 2 && h >>> (32 - bits) === 0;
    if (!found && length !== 2 * average && !forced.has(i + 1)) continue;
    cuts.push(i + 1);
    length = 0;
  }
  return cuts;
}

function fastCuts(
  bytes: Uint8Array,
  exponent: number,
  forced: ReadonlySet<number>,
  steps: readonly number[],
): number[] {
  const chunker = new Chunker(exponent);
  const cuts: number[] = [];
  const stops = [...forced].sort((a, b) => a - b);
  for (let at = 0, step = 0; at < bytes.length; step++) {
    const stop = stops.find((s) => s > at) ?? bytes.length;
    const to = Math.min(bytes.length, stop, at + (steps[step % steps.length] as number));
    const end = chunker.next(bytes, at, to);
    at = end < 0 ? to : end;
    if (end >= 0) cuts.push(end);
    else if (forced.has(at)) {
      chunker.restart();
      cuts.push(at);
    }
  }
  return cuts;
}

describe("Chunker", () => {
  it("has the gear table of the specification", () => {
    expect(GEAR.length).toBe(256);
    const bytes = Buffer.concat([Buffer.from("ctxpack.gear/v1"), Buffer.from([0xe9])]);
    expect((GEAR[0xe9] as number) >>> 0).toBe(
      Number.parseInt(hash("sha256", bytes, "hex").slice(0, 8), 16),
    );
  });

  it("cuts where the naive reading of the rules cuts", () => {
    const block = noise("cuts", 3_000_000);
    const size = fc.integer({ min: 0, max: 1_800_000 });
    fc.assert(
      fc.property(
        fc.record({
          from: fc.integer({ min: 0, max: 1_000_000 }),
          size,
          zerosAt: size,
          zeros: fc.integer({ min: 0, max: 700_000 }),
          exponent: fc.constantFrom(18, 19),
          forced: fc.uniqueArray(size, { maxLength: 4 }),
          steps: fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 5 }),
        }),
        ({ from, size, zerosAt, zeros, exponent, forced, steps }) => {
          const bytes = Buffer.from(block.subarray(from, from + size));
          bytes.fill(0, Math.min(zerosAt, size), Math.min(zerosAt + zeros, size));
          const stops = new Set(forced.filter((f) => f > 0 && f <= size));
          const average = steps.reduce((a, b) => a + b, 0) / steps.length;
          // A call for every few bytes of a megabyte says nothing more than one for a few thousand.
          const strides = average < 500 ? [...steps, 100_000] : steps;
          expect(fastCuts(bytes, exponent, stops, strides)).toEqual(
            naiveCuts(bytes, exponent, stops),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it("finds cuts of all three kinds in the bytes it is tested with", () => {
    const bytes = Buffer.concat([noise("kinds", 6_000_000), Buffer.alloc(1_100_000)]);
    const cuts = fastCuts(bytes, 18, new Set(), [262_144]);
    const lengths = cuts.map((end, i) => end - (cuts[i - 1] ?? 0));
    expect(lengths.some((l) => l >= 131_072 && l < 262_144)).toBe(true);
    expect(lengths.some((l) => l >= 262_144 && l < 524_288)).toBe(true);
    expect(lengths.some((l) => l === 524_288)).toBe(true);
    expect(cuts).toEqual(naiveCuts(bytes, 18, new Set()));
  });

  it("cuts in the same places where there is no WebAssembly", () => {
    const bytes = noise("plain", 2_000_000);
    const program = `
      import { readFileSync } from "node:fs";
      import { Chunker } from ${JSON.stringify(new URL("../../src/pack/chunker.ts", import.meta.url))};
      // Here, and not by --jitless: Node takes types out of sources with it.
      delete globalThis.WebAssembly;
      const bytes = readFileSync(0);
      const chunker = new Chunker(18);
      const cuts = [];
      for (let at = 0; at >= 0; ) if ((at = chunker.next(bytes, at, bytes.length)) > 0) cuts.push(at);
      console.log(JSON.stringify(cuts));`;
    const argv = ["--input-type=module", "--eval", program];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { input: bytes });
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual(fastCuts(bytes, 18, new Set(), [bytes.length]));
  });

  it("is assembled from the text in scripts/assemble-gear.ts", async () => {
    const module = readFileSync(new URL(`../../../../${GEAR_MODULE}`, import.meta.url), "utf8");
    expect(await assembleGear(), "run: node scripts/assemble-gear.ts").toBe(module);
    expect(GearLanes.make()).toBeDefined();
  });

  it("finds a cut again after bytes were put in front", () => {
    const bytes = noise("shift", 4_000_000);
    const before = fastCuts(bytes, 18, new Set(), [262_144]);
    const shifted = Buffer.concat([noise("front", 777), bytes]);
    const after = new Set(fastCuts(shifted, 18, new Set(), [262_144]).map((cut) => cut - 777));
    expect(before.filter((cut) => after.has(cut)).length).toBeGreaterThan(before.length - 3);
  });
});

describe("firstExponent", () => {
  it.each([
    [1024, 400, 18],
    [400 * 2 ** 18, 400, 18],
    [400 * 2 ** 18 + 1, 400, 19],
    [400 * 2 ** 25 + 1, 400, 26],
    [2 ** 50, 400, 26],
    [4000 * 2 ** 18, 4000, 18],
    [4000 * 2 ** 18 + 512, 4000, 19],
  ])("of %d bytes in %d segments is %d", (size, goal, exponent) => {
    expect(firstExponent(size, goal)).toBe(exponent);
  });

  it("aims at 400 segments, 4,000 when fine", () => {
    expect([segmentGoal(undefined), segmentGoal("fine")]).toEqual([400, 4000]);
  });
});
