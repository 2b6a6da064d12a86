import { hash } from "node:crypto";
import { canonicalize, type JsonValue } from "@ctxpack/identity";
import type { Content } from "../run/content.ts";
import type { Step } from "../run/step.ts";

/** What a step is told from others by, from all of it to the least. Equal numbers are equal texts. */
export interface StepKeys {
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
export const KEY_LEVELS = ["whole", "asked", "named", "kind"] as const;

/** What stands for a content in a key, such as its canonical text without what is ignored. */
export type ContentText = (
  content: Content,
  member: string,
  step: Step,
) => string | Promise<string>;

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

/** The keys of steps as they go by; 16 bytes a step, and one number for each distinct text. */
export async function stepKeys(
  steps: AsyncIterable<Step>,
  numbers: KeyNumbers,
  contentText: ContentText = canonicalContent,
): Promise<StepKeys> {
  const lists = { whole: new Ints(), asked: new Ints(), named: new Ints(), kind: new Ints() };
  for await (const step of steps) {
    const { request, result } = step;
    const named = `${step.kind} ${step.name ?? ""}`;
    const asked = `${named}\n${request === undefined ? "" : await contentText(request, "request", step)}`;
    const whole = `${asked}\n${result === undefined ? "" : await contentText(result, "result", step)}`;
    lists.whole.push(numbers.of(`w${whole}`));
    lists.asked.push(numbers.of(`a${asked}`));
    lists.named.push(numbers.of(`n${named}`));
    lists.kind.push(numbers.of(`k${step.kind}`));
  }
  return {
    whole: lists.whole.take(),
    asked: lists.asked.take(),
    named: lists.named.take(),
    kind: lists.kind.take(),
  };
}

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
