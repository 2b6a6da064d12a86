import type { Entry } from "@ctxpack/cache/pack";
import { expect, test } from "vitest";
import { resolveFile } from "../../src/legacy/resolve-path.ts";

const file = (path: string): Entry => ({
  digest: `sha256:${"0".repeat(64)}`,
  offset: 0,
  path,
  size: 0,
});
const entries = new Map<string, Entry>(
  [
    file("a/b/file"),
    { link: "../a/./b", path: "c/way" },
    { link: "way/file", path: "c/last" },
    { dir: true, path: "empty" } as const,
  ].map((entry) => [entry.path, entry]),
);

test.for([
  ["a/b/file", "a/b/file"],
  ["c/way/file", "a/b/file"],
  ["c/last", "a/b/file"],
  ["a/b", undefined],
  ["c/way", undefined],
  ["empty", undefined],
  ["a/b/file/x", undefined],
  ["a/b/file/", undefined],
  ["a/../a/b/file", undefined],
  ["./a/b/file", undefined],
  ["c/last/..", undefined],
  ["", undefined],
])("%s leads to %s", ([path, found]) => {
  expect(resolveFile(entries, path as string)?.path).toBe(found);
});
