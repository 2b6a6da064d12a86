import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { HeldPack } from "../../src/store/held.ts";
import { laidOut } from "../../src/store/laid-out.ts";
import type { Parts } from "../../src/store/parts.ts";
import { openIndex, packItems } from "../pack/memory.ts";
import { workplace } from "./fixture.ts";

function packOf(count: number): HeldPack {
  const items = Array.from({ length: count }, (_, i) => ({ path: String(i), dir: true as const }));
  return { index: openIndex(packItems(items)) } as HeldPack;
}

it("keeps the index of very many files on disk for as long as it is needed", () => {
  const dir = workplace();
  const parts = { workspace: { path: () => join(dir, "index") } } as unknown as Parts;
  const pack = packOf(100_000);
  const before = [...pack.index.entries()].length;
  {
    using _index = laidOut(parts, pack);
    expect(readdirSync(dir)).toEqual(["index"]);
    expect([...pack.index.entries()]).toHaveLength(before);
    expect(pack.index.find("77777")).toEqual({ dir: true, path: "77777" });
  }
  expect(readdirSync(dir)).toEqual([]);
  expect(() => pack.index.entry(0)).toThrow("was given up");
});

it("leaves that of few where it is", () => {
  const pack = packOf(3);
  expect(laidOut({} as Parts, pack)).toBeUndefined();
  expect(pack.index.count).toBe(3);
});
