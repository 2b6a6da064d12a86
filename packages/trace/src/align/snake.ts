/** A part of two sequences: `a` from `a0` to before `a1`, `b` from `b0` to before `b1`. */
export interface Box {
  readonly a0: number;
  readonly a1: number;
  readonly b0: number;
  readonly b1: number;
}

/** Where a box is cut in two: the first part ends at (`x`, `y`), equal elements lead to (`u`, `v`), the second begins. */
export interface Snake {
  readonly x: number;
  readonly y: number;
  readonly u: number;
  readonly v: number;
  /** Whether a shortest edit script goes through here; when not, the search had become too expensive. */
  readonly shortest: boolean;
}

/** No path leads to this diagonal. */
const NONE = -1;

/**
 * Looks for the middle of a shortest edit script from both ends at once (E. Myers, "An O(ND) Difference Algorithm and
 * Its Variations", 1986, section 4b). Memory is that of `cap`, whatever the length of the sequences.
 */
export class SnakeSearch {
  readonly #cap: number;
  readonly #forward: Int32Array;
  readonly #backward: Int32Array;

  /** @param cap edits that are tried from each end; a box that differs in more than twice as many is cut earlier. */
  constructor(cap: number) {
    this.#cap = cap;
    this.#forward = new Int32Array(2 * cap + 5);
    this.#backward = new Int32Array(2 * cap + 5);
  }

  /** The cut of a box whose first elements differ and whose last elements differ; neither side of it is empty. */
  find(a: Int32Array, b: Int32Array, box: Box): Snake {
    const { a0, b0 } = box;
    const width = box.a1 - a0;
    const height = box.b1 - b0;
    const delta = width - height;
    const odd = (delta & 1) !== 0;
    const middle = this.#cap + 2;
    const last = Math.min(this.#cap, Math.ceil((width + height) / 2));
    const forward = this.#forward.fill(NONE, middle - last - 2, middle + last + 3);
    const backward = this.#backward.fill(NONE, middle - last - 2, middle + last + 3);
    for (let d = 0; d <= last; d++) {
      for (let k = -d; k <= d; k += 2) {
        const from = reach(forward, middle, { k, d, width, height });
        if (from === NONE) {
          forward[middle + k] = NONE;
          continue;
        }
        let x = from;
        while (x < width && x - k < height && a[a0 + x] === b[b0 + x - k]) x++;
        forward[middle + k] = x;
        const other = delta - k;
        if (!odd || Math.abs(other) > d - 1) continue;
        const met = backward[middle + other] ?? NONE;
        if (met === NONE || x + met < width) continue;
        return { x: a0 + from, y: b0 + from - k, u: a0 + x, v: b0 + x - k, shortest: true };
      }
      for (let k = -d; k <= d; k += 2) {
        const from = reach(backward, middle, { k, d, width, height });
        if (from === NONE) {
          backward[middle + k] = NONE;
          continue;
        }
        let x = from;
        while (x < width && x - k < height && a[box.a1 - 1 - x] === b[box.b1 - 1 - x + k]) x++;
        backward[middle + k] = x;
        const other = delta - k;
        if (odd || Math.abs(other) > d) continue;
        const met = forward[middle + other] ?? NONE;
        if (met === NONE || x + met < width) continue;
        const cut = { x: box.a1 - x, y: box.b1 - x + k, u: box.a1 - from, v: box.b1 - from + k };
        return { ...cut, shortest: true };
      }
    }
    return this.#furthest(box, last);
  }

  /** The point that the search from the beginning came furthest to. */
  #furthest(box: Box, last: number): Snake {
    const middle = this.#cap + 2;
    let best = 0;
    let at = { x: box.a0, y: box.b0 };
    for (let k = -last; k <= last; k += 2) {
      const x = this.#forward[middle + k] ?? NONE;
      if (x === NONE || x + x - k <= best) continue;
      best = x + x - k;
      at = { x: box.a0 + x, y: box.b0 + x - k };
    }
    return { ...at, u: at.x, v: at.y, shortest: false };
  }
}

/** How far along `a` diagonal `k` is entered with `d` edits, {@link NONE} when that is outside of the box. */
function reach(
  row: Int32Array,
  middle: number,
  at: { k: number; d: number; width: number; height: number },
): number {
  const { k, d } = at;
  if (d === 0) return 0;
  const left = row[middle + k - 1] ?? NONE;
  const up = row[middle + k + 1] ?? NONE;
  const right = left !== NONE && left < at.width ? left + 1 : NONE;
  const down = up !== NONE && up - k <= at.height ? up : NONE;
  return Math.max(right, down);
}
