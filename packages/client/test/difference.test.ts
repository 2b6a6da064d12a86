import type { Entry, IndexReader } from "@ctxpack/cache/pack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareOutputs } from "../src/difference.ts";

/** As much of an index as a comparison reads: entries sorted bytewise by path. */
function indexOf(entries: readonly Entry[]): IndexReader {
  const sorted = entries.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
  );
  return { entries: () => sorted } as unknown as IndexReader;
}

const digest = (n: number) => `sha256:${String(n).repeat(64)}` as const;
const file = (path: string, n: number): Entry => ({ path, digest: digest(n), offset: 0, size: 1 });

test("kind, x bit, target and bytes count; the place in the tar does not", () => {
  const a = [file("a", 1), file("b", 1), { path: "c", link: "a" }, file("e", 1), file("f", 1)];
  const b = [
    { ...file("a", 1), offset: 512 },
    { ...file("b", 1), exec: true as const },
    { path: "c", link: "b" },
    { path: "d", dir: true as const },
    file("f", 2),
  ];
  expect([...compareOutputs(indexOf(a), indexOf(b))]).toEqual([
    { path: "b", kind: "changed" },
    { path: "c", kind: "changed" },
    { path: "d", kind: "added" },
    { path: "e", kind: "removed" },
    { path: "f", kind: "changed" },
  ]);
});

test("finds what two maps of paths do not have in common, whatever the names", () => {
  const tree = fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.nat(9));
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      const entries = (t: Record<string, number>) =>
        indexOf(Object.entries(t).map(([path, n]) => file(path, n)));
      const found = new Map(
        [...compareOutputs(entries(a), entries(b))].map(({ path, kind }) => [path, kind]),
      );
      for (const path of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const kind = !Object.hasOwn(a, path)
          ? "added"
          : !Object.hasOwn(b, path)
            ? "removed"
            : a[path] === b[path]
              ? undefined
              : "changed";
        expect(found.get(path)).toBe(kind);
        found.delete(path);
      }
      expect(found.size).toBe(0);
    }),
  );
});
