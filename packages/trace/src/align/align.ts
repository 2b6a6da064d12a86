import { ALONE, commonSubsequence } from "./common.ts";
import { KEY_LEVELS, type StepKeys } from "./keys.ts";

/** Which steps of two runs belong together. */
export interface Alignment {
  /** For each step of `a` its partner in `b`, or {@link ALONE}; partners rise with their steps. */
  readonly partners: Int32Array;
  /** Steps without partner that are the same elsewhere: from `a` to `b`, one step each. */
  readonly moved: ReadonlyMap<number, number>;
}

/**
 * Aligns the steps of two runs. First a longest common subsequence of steps that are the same in everything; of what is
 * left, steps that lie elsewhere unchanged count as moved; then, between what is paired already, the same by less and
 * less: kind, name, request and result; kind, name and request; kind and name; kind. So one inserted step leaves one
 * step without partner.
 */
export function alignSteps(a: StepKeys, b: StepKeys): Alignment {
  const partners = commonSubsequence(a.exact, b.exact);
  const moved = findMoved(a.exact, b.exact, partners);
  const arrived = new Set(moved.values());
  for (const gap of gaps(partners, b.exact.length)) {
    const left = gap.a.filter((seq) => !moved.has(seq));
    refine(
      left,
      gap.b.filter((seq) => !arrived.has(seq)),
      1,
    );
  }
  return { partners, moved };

  function refine(left: readonly number[], right: readonly number[], level: number): void {
    const key = KEY_LEVELS[level];
    if (key === undefined || left.length === 0 || right.length === 0) return;
    const found = commonSubsequence(pick(a[key], left), pick(b[key], right));
    for (const [at, other] of found.entries()) {
      if (other !== ALONE) partners[left[at] as number] = right[other] as number;
    }
    for (const gap of gaps(found, right.length)) {
      refine(
        gap.a.map((at) => left[at] as number),
        gap.b.map((at) => right[at] as number),
        level + 1,
      );
    }
  }
}

/** The stretches without partners between those with. */
function* gaps(
  partners: Int32Array,
  length: number,
): Generator<{ readonly a: number[]; readonly b: number[] }> {
  let a: number[] = [];
  let b0 = 0;
  for (let at = 0; at <= partners.length; at++) {
    const end = at === partners.length ? length : (partners[at] as number);
    if (end === ALONE) {
      a.push(at);
      continue;
    }
    if (a.length > 0 && end > b0) yield { a, b: range(b0, end) };
    if (a.length > 0) a = [];
    b0 = end + 1;
  }
}

/** A step that is alone on both sides, each time as the only one of its kind, has moved. */
function findMoved(a: Int32Array, b: Int32Array, partners: Int32Array): Map<number, number> {
  const taken = new Uint8Array(b.length);
  for (const other of partners) if (other !== ALONE) taken[other] = 1;
  const inA = alone(a, (at) => partners[at] === ALONE);
  const inB = alone(b, (at) => taken[at] === 0);
  const moved = new Map<number, number>();
  for (const [key, at] of inA) {
    const other = inB.get(key);
    if (at !== SEVERAL && other !== undefined && other !== SEVERAL) moved.set(at, other);
  }
  return moved;
}

const SEVERAL = -1;

function alone(keys: Int32Array, isAlone: (at: number) => boolean): Map<number, number> {
  const found = new Map<number, number>();
  for (const [at, key] of keys.entries()) {
    if (isAlone(at)) found.set(key, found.has(key) ? SEVERAL : at);
  }
  return found;
}

function pick(keys: Int32Array, seqs: readonly number[]): Int32Array {
  return Int32Array.from(seqs, (seq) => keys[seq] as number);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The same alignment seen from the other run, which has `length` steps. */
export function invertAlignment({ partners, moved }: Alignment, length: number): Alignment {
  const inverse = new Int32Array(length).fill(ALONE);
  for (const [at, other] of partners.entries()) if (other !== ALONE) inverse[other] = at;
  return { partners: inverse, moved: new Map([...moved].map(([from, to]) => [to, from])) };
}
