import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { canonicalContent, type StepTexts } from "../align/keys.ts";
import type { Content } from "../run/content.ts";
import type { CapturePart } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import type { DetailBudget } from "./budget.ts";
import type { IgnoreRules } from "./ignore.ts";
import { type Plain, plainContent } from "./plain.ts";

/** Two runs, and what does not count. */
export interface Sides {
  readonly a: Run;
  readonly b: Run;
  readonly rules: IgnoreRules;
  readonly budget: DetailBudget;
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

/** What stands for the steps of one side when they are aligned. `model` is what stands for a position in `models`. */
export function stepTexts(
  sides: Sides,
  side: "a" | "b",
  model: (position: number) => number,
): (step: Step) => Promise<StepTexts> {
  const { rules } = sides;
  const content = async (step: Step, member: string, content: Content | undefined) => {
    if (content === undefined) return "";
    if (!rules.touchSteps) return canonicalContent(content);
    const { signal } = sides;
    const plain = await plainContent(sides[side], content, { signal });
    const rest = withoutIgnored(rules, plain, member, step);
    return rest === undefined ? "" : canonicalize(rest as unknown as JsonValue);
  };
  return async (step) => {
    const { status, error, finishReason, reasoning, params } = step;
    const word = (member: string, text: string | undefined) =>
      text === undefined || rules.ignoresPath(["steps", "*", member], step) ? "" : text;
    const rest = [
      word("status", status === "error" ? "error" : "ok"),
      word("error", error?.type),
      await content(step, "error", error?.message),
      word("finishReason", finishReason),
      word("model", step.model === undefined ? undefined : String(model(step.model))),
      await content(step, "params", params),
      await content(step, "reasoning", reasoning),
    ];
    return {
      request: await content(step, "request", step.request),
      result: await content(step, "result", step.result),
      rest: JSON.stringify(rest),
    };
  };
}

/** Whether the source of a run could not tell this part: what is missing there was not taken away. */
export function notCaptured(run: Run, part: CapturePart): boolean {
  return run.head.notCaptured.includes(part);
}

/**
 * Positions of two lists without duplicates that belong together: equal keys, wherever they stand; of what is left, the
 * first with the first.
 */
export function pairLists(
  a: readonly string[],
  b: readonly string[],
): { readonly a?: number; readonly b?: number }[] {
  const places = new Map(a.map((key, position) => [key, position]));
  const keys = new Set(b);
  const left = [...a.keys()].filter((position) => !keys.has(a[position] as string)).reverse();
  const pairs = b.map((key, position) => {
    const partner = places.get(key) ?? left.pop();
    return { ...(partner !== undefined && { a: partner }), b: position };
  });
  return [...pairs, ...left.reverse().map((position) => ({ a: position }))];
}
