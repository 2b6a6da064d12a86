import type { ProgressEvent } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { combinedProgress } from "../../src/hash/combined-progress.ts";

it("adds up what goes on at the same time", () => {
  const seen: ProgressEvent[] = [];
  const more = combinedProgress((event) => seen.push(event));
  const [one, two] = [more(), more()];
  const report = { phase: "hash", unit: "bytes" } as const;
  one?.({ ...report, done: 1, total: 10 });
  two?.({ ...report, done: 2, total: 5 });
  one?.({ ...report, done: 10, total: 10 });
  two?.({ ...report, done: 5, total: 5 });
  expect(seen.map(({ done, total }) => `${done}/${total}`)).toEqual([
    "1/10",
    "3/15",
    "12/15",
    "15/15",
  ]);
  expect(combinedProgress(undefined)()).toBeUndefined();
});
