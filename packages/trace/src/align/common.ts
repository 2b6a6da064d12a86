import { findAnchors } from "./anchors.ts";
import { type Box, SnakeSearch } from "./snake.ts";

/** No partner. */
export const ALONE = -1;

/**
 * A longest common subsequence of two sequences: for each position of `a` the position of its partner in `b`, or
 * {@link ALONE}. It is a longest one as long as the sequences differ in at most `2 * cap` elements. Where they differ in
 * more, elements that occur once on both sides hold them together and what lies between is compared by itself; where
 * there are none of these, the cheapest way so far is kept. So time is at most about `cap` times their length, and
 * memory a few numbers for each element.
 */
export function commonSubsequence(a: Int32Array, b: Int32Array, cap = 1024): Int32Array {
  const partner = new Int32Array(a.length).fill(ALONE);
  const search = new SnakeSearch(Math.min(cap, Math.ceil((a.length + b.length) / 2)));
  const boxes: Box[] = [{ a0: 0, a1: a.length, b0: 0, b1: b.length }];
  for (let box = boxes.pop(); box !== undefined; box = boxes.pop()) {
    const inner = trim(a, b, box, partner);
    if (inner.a0 === inner.a1 || inner.b0 === inner.b1) continue;
    const snake = search.find(a, b, inner);
    const anchors = snake.shortest ? [] : findAnchors(a, b, inner);
    if (anchors.length > 0) {
      boxes.push(...between(inner, anchors));
      for (const [at, other] of anchors) partner[at] = other;
      continue;
    }
    for (let at = snake.x; at < snake.u; at++) partner[at] = at - snake.x + snake.y;
    boxes.push({ ...inner, a0: snake.u, b0: snake.v });
    boxes.push({ ...inner, a1: snake.x, b1: snake.y });
  }
  return partner;
}

/** Pairs what is equal at the two ends of a box; what is left of it. */
function trim(a: Int32Array, b: Int32Array, box: Box, partner: Int32Array): Box {
  let { a0, a1, b0, b1 } = box;
  while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) partner[a0++] = b0++;
  while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) partner[--a1] = --b1;
  return { a0, a1, b0, b1 };
}

function between(box: Box, anchors: readonly [number, number][]): Box[] {
  const boxes: Box[] = [];
  let [a0, b0] = [box.a0, box.b0];
  for (const [at, other] of anchors) {
    boxes.push({ a0, a1: at, b0, b1: other });
    [a0, b0] = [at + 1, other + 1];
  }
  boxes.push({ a0, a1: box.a1, b0, b1: box.b1 });
  return boxes;
}
