import { expect, test } from "vitest";
import { pickItems } from "../../src/items-flag.ts";
import { describeMap } from "../../src/map-progress.ts";

test("says how far it is, and how long it will take", () => {
  const counts = { total: 1000, hit: 80, done: 598, failed: 2 };
  expect(describeMap(counts, 50)).toBe(
    "mapping 680 of 1,000 items: 80 hit, 598 done, 2 failed, 12/s, 27 s left",
  );
  expect(describeMap({ total: 5, hit: 5, done: 0, failed: 0 }, 0)).toBe(
    "mapping 5 of 5 items: 5 hit, 0 done, 0 failed",
  );
});

test("the --in with a wildcard is the one that is mapped, else the only one", () => {
  expect(pickItems(["docs/*.pdf"])).toEqual({ items: "docs/*.pdf", inputs: undefined });
  expect(pickItems(["docs"])).toEqual({ items: "docs", inputs: undefined });
  expect(pickItems(["p=p.txt", "docs/*", "q=q"])).toEqual({
    items: "docs/*",
    inputs: ["p=p.txt", "q=q"],
  });
  expect(() => pickItems(["a", "b"])).toThrow("which --in is mapped");
  expect(() => pickItems(["a/*", "b/?"])).toThrow("which --in is mapped");
});
