import fc from "fast-check";
import { expect, test } from "vitest";
import { firstByte } from "../../src/recheck/first-byte.ts";

/** A content that comes in pieces, and says whether it was ended. */
function content(bytes: Uint8Array, sizes: readonly number[]) {
  const state = { ended: false };
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % Math.max(1, sizes.length)] ?? 1;
        yield bytes.subarray(at, at + size);
        at += size;
      }
    } finally {
      state.ended = true;
    }
  }
  return { pieces: pieces(), state };
}

function expected(a: Uint8Array, b: Uint8Array): number | undefined {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) if (a[at] !== b[at]) return at;
  return a.length === b.length ? undefined : shorter;
}

test("is what comparing byte by byte finds, whatever the pieces", async () => {
  const few = fc.uint8Array({ maxLength: 40, max: 1 });
  const sizes = fc
    .array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 })
    .filter((all) => all.some((n) => n > 0) || all.length === 0);
  await fc.assert(
    fc.asyncProperty(few, few, few, sizes, sizes, async (head, a, b, s, t) => {
      const [left, right] = [Buffer.concat([head, a]), Buffer.concat([head, b])];
      const [l, r] = [content(left, s), content(right, t)];
      const { byte } = await firstByte(l.pieces, r.pieces, Number.POSITIVE_INFINITY);
      expect(byte).toBe(expected(left, right));
    }),
  );
});

test("reads no further than it must, or may", async () => {
  const [a, b] = [new Uint8Array(100), new Uint8Array(100)];
  b[50] = 1;
  const [l, r] = [content(a, [10]), content(b, [20])];
  expect(await firstByte(l.pieces, r.pieces, 1000)).toEqual({ byte: 50, read: 60 });
  expect([l.state.ended, r.state.ended]).toEqual([true, true]);
  const bounded = await firstByte(content(a, [10]).pieces, content(b, [10]).pieces, 30);
  expect(bounded).toEqual({ byte: undefined, read: 30 });
});
