import type { BigIntStats } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileTable, sizeAt } from "../../src/tree/table.ts";
import { splitUnits } from "../../src/tree/units.ts";

const MIB = 1024 * 1024;

function tableOf(sizes: readonly number[]): FileTable {
  const table = new FileTable("/root", "root");
  for (const [i, size] of sizes.entries()) {
    const stats = {
      ino: 2n ** 64n - 1n - BigInt(i),
      size: BigInt(size),
      mtimeNs: -1n,
      ctimeNs: 2n,
      mode: 3n,
    };
    table.add(`f${i}`, `f${i}`, stats as BigIntStats);
  }
  return table;
}

describe("splitUnits", () => {
  it("gives every row to one unit: large files alone and first, the largest before all", () => {
    const size = fc.oneof(fc.nat(100_000), fc.integer({ min: MIB, max: 40 * MIB }));
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 200 }), (files) => {
        const { states } = tableOf(files.map(([bytes]) => bytes));
        const pending = Uint32Array.from(files.flatMap(([, read], row) => (read ? [row] : [])));
        const { rows, starts } = splitUnits(pending, states);
        expect([...rows].sort((a, b) => a - b)).toEqual([...pending]);
        expect(starts.at(-1)).toBe(pending.length);
        const units = [...starts.slice(0, -1)].map((start, i) => [
          ...rows.subarray(start, starts[i + 1]),
        ]);
        const large = units.filter((unit) => unit.some((row) => sizeAt(states, row) >= 8 * MIB));
        expect(units.slice(0, large.length)).toEqual(large);
        expect(large.every((unit) => unit.length === 1)).toBe(true);
        const sizes = large.map(([row = 0]) => sizeAt(states, row));
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
        for (const unit of units) {
          expect(unit.length).toBeGreaterThan(0);
          const bytes = unit.reduce((sum, row) => sum + sizeAt(states, row), 0);
          if (unit.length > 1) expect(bytes).toBeLessThanOrEqual(8 * MIB);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("FileTable", () => {
  it("keeps states as they were, however many", () => {
    const table = tableOf(Array.from({ length: 5000 }, (_, i) => i));
    expect(table.count).toBe(5000);
    expect(table.bytes).toBe((5000 * 4999) / 2);
    expect(table.state(4999)).toEqual({
      ino: 2n ** 64n - 5000n,
      size: 4999n,
      mtimeNs: -1n,
      ctimeNs: 2n,
      mode: 3n,
    });
    expect(table.openPath(7)).toBe("/root/f7");
  });
});
