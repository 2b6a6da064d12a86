import { hash } from "node:crypto";
import { canonicalize, type JsonValue } from "@ctxpack/identity";
import type { Content } from "../run/content.ts";
import type { Step } from "../run/step.ts";

/** What a step is told from others by, from all of it to the least. Equal numbers are equal texts. */
export interface StepKeys {
  /** Everything of it that is compared. */
  readonly exact: Int32Array;
  /** Kind, name, request, result. */
  readonly whole: Int32Array;
  /** Kind, name, request. */
  readonly asked: Int32Array;
  /** Kind, name. */
  readonly named: Int32Array;
  /** Kind. */
  readonly kind: Int32Array;
}

/** The levels of {@link StepKeys}, the strictest first. */
export const KEY_LEVELS = ["exact", "whole", "asked", "named", "kind"] as const;

/** What stands for the members of a step in its keys, without what is ignored. */
export interface StepTexts {
  readonly request: string;
  readonly result: string;
  /** Everything else that is compared. */
  readonly rest: string;
}

/** Texts as small numbers, so that comparing two is cheap and the texts need not be kept. */
export class KeyNumbers {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    // 128 bits: two texts with one key would have to be made on purpose, by more work than anybody has.
    const key = text.length <= 22 ? text : hash("sha256", text, "base64url").slice(0, 22);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** The keys of steps as they go by; 20 bytes a step, and one number for each distinct text. */
export async function stepKeys(
  steps: AsyncIterable<Step>,
  numbers: KeyNumbers,
  texts: (step: Step) => Promise<StepTexts>,
): Promise<StepKeys> {
  const lists = KEY_LEVELS.map(() => new Ints());
  for await (const step of steps) {
    const { request, result, rest } = await texts(step);
    // Of all levels, so that a key of one is never that of another.
    const members = [step.kind, step.name ?? "", request, result, rest];
    for (const [level, list] of lists.entries()) {
      list.push(numbers.of(`${level} ${JSON.stringify(members.slice(0, members.length - level))}`));
    }
  }
  const [exact, whole, asked, named, kind] = lists.map((list) => list.take()) as Five<Int32Array>;
  return { exact, whole, asked, named, kind };
}

type Five<T> = [T, T, T, T, T];

/** Equal contents have one canonical text, wherever they stand. */
export function canonicalContent(content: Content): string {
  return canonicalize(content as unknown as JsonValue);
}

/** A list of numbers that grows. */
class Ints {
  #numbers = new Int32Array(1024);
  #count = 0;

  push(value: number): void {
    if (this.#count === this.#numbers.length) {
      const more = new Int32Array(2 * this.#count);
      more.set(this.#numbers);
      this.#numbers = more;
    }
    this.#numbers[this.#count++] = value;
  }

  take(): Int32Array {
    return this.#numbers.slice(0, this.#count);
  }
}
