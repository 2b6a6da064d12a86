import type { Policy, Rule } from "./policy.ts";

/** The rule that decides, or why none does. */
export type Selected =
  | { readonly rule: Rule; readonly index: number }
  /** `tools`: a rule would match this pantry, and which tools made the pack is not known. */
  | { readonly rule: undefined; readonly why: "none" | "tools" };

/** What a rule is selected by. */
export interface Selection {
  readonly pantry?: string | undefined;
  /** The tools of the contract, all of them. */
  readonly tools?: readonly string[] | undefined;
}

/**
 * The first rule that is about a pack. Where that hangs on tools that are not known, no rule decides: a later one
 * may ask for less than the one that was meant.
 */
export function selectRule(policy: Policy, { pantry, tools }: Selection): Selected {
  for (const [index, rule] of policy.rules.entries()) {
    const here =
      rule.pantries === undefined ||
      (pantry !== undefined && rule.pantries.some((pattern) => pattern.matches(pantry)));
    if (!here) continue;
    if (rule.tools === undefined) return { rule, index };
    if (tools === undefined) return { rule: undefined, why: "tools" };
    const patterns = rule.tools;
    const all = tools.every((tool) => patterns.some((pattern) => pattern.matches(tool)));
    if (all && tools.length > 0) return { rule, index };
  }
  return { rule: undefined, why: "none" };
}
