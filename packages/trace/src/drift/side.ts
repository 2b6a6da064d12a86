import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { ALONE, commonSubsequence } from "../align/common.ts";
import { type ContentText, canonicalContent, KeyNumbers } from "../align/keys.ts";
import type { Content } from "../run/content.ts";
import type { CapturePart } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import type { IgnoreRules } from "./ignore.ts";
import { type Plain, plainContent } from "./plain.ts";

/** Two runs, and what does not count. */
export interface Sides {
  readonly a: Run;
  readonly b: Run;
  readonly rules: IgnoreRules;
  readonly signal?: AbortSignal | undefined;
}

/** The contents of both sides at one place, as what they hold; undefined when they do not differ. */
export async function differingPlains(
  sides: Sides,
  a: Content | undefined,
  b: Content | undefined,
): Promise<{ readonly a?: Plain; readonly b?: Plain } | undefined> {
  if (a === undefined && b === undefined) return undefined;
  if (a && b && canonicalContent(a) === canonicalContent(b)) return undefined;
  return {
    ...(a && { a: await plainContent(sides.a, a, sides) }),
    ...(b && { b: await plainContent(sides.b, b, sides) }),
  };
}

/** A content of a step without what the rules ignore. */
export function withoutIgnored(
  rules: IgnoreRules,
  plain: Plain | undefined,
  member: string,
  step: Step,
): Plain | undefined {
  if (plain === undefined || !rules.touchSteps) return plain;
  const path = ["steps", "*", member];
  if (rules.ignoresPath(path, step)) return undefined;
  if ("text" in plain) return { text: rules.text(plain.text) };
  if ("value" in plain) return { value: rules.value(plain.value, path, step) };
  if (!("parts" in plain)) return plain;
  return {
    parts: plain.parts.map((part): Plain => {
      if ("text" in part) return { text: rules.text(part.text) };
      return "value" in part ? { value: rules.value(part.value, path, step) } : part;
    }),
  };
}

/** What stands for a content of `run` when steps are aligned. */
export function keyText(run: Run, sides: Sides): ContentText {
  const { rules } = sides;
  if (!rules.touchSteps) return canonicalContent;
  return async (content, member, step) => {
    const plain = withoutIgnored(rules, await plainContent(run, content, sides), member, step);
    return plain === undefined ? "" : canonicalize(plain as unknown as JsonValue);
  };
}

/** Whether the source of a run could not tell this part: what is missing there was not taken away. */
export function notCaptured(run: Run, part: CapturePart): boolean {
  return run.head.notCaptured.includes(part);
}

/** Positions of two lists that belong together: equal keys in order first, then what is left between them, in order. */
export function pairLists(
  a: readonly string[],
  b: readonly string[],
): { readonly a?: number; readonly b?: number }[] {
  const numbers = new KeyNumbers();
  const keys = (list: readonly string[]) => Int32Array.from(list, (key) => numbers.of(` ${key}`));
  const partners = commonSubsequence(keys(a), keys(b));
  const pairs: { a?: number; b?: number }[] = [];
  let [left, right] = [0, 0];
  const closeGap = (endA: number, endB: number) => {
    while (left < endA || right < endB) {
      pairs.push({ ...(left < endA && { a: left++ }), ...(right < endB && { b: right++ }) });
    }
  };
  for (const [at, other] of partners.entries()) {
    if (other === ALONE) continue;
    closeGap(at, other);
    pairs.push({ a: left++, b: right++ });
  }
  closeGap(a.length, b.length);
  return pairs;
}
