import type { JsonValue } from "../canonical.ts";
import type { Contract, ResolvedContract } from "../contract.ts";
import { validateContract, validateResolved } from "./contract.generated.ts";
import { type Problem, type Spell, schemaProblems } from "./problem.ts";
import { contractProblems, resolvedProblems } from "./rules.ts";

/** What a value turned out to be, or everything that keeps it from being a contract. */
export type Validation =
  | { readonly contract: Contract | ResolvedContract }
  | { readonly problems: readonly [Problem, ...Problem[]] };

const NULL_RULE = "null is allowed only inside params and value";

/** Holds `value` against the schema and the rules: those of a resolved contract when it has a `schema` member. */
export function validate(value: JsonValue, spell: Spell = () => undefined): Validation {
  const resolved = isObject(value) && Object.hasOwn(value, "schema");
  const schema = resolved ? validateResolved : validateContract;
  const broken = schemaProblems(schema, value, spell, NULL_RULE);
  const problems = broken.length > 0 ? broken : rules(value, resolved);
  const [first, ...others] = problems;
  if (first !== undefined) return { problems: [first, ...others] };
  return { contract: value as unknown as Contract | ResolvedContract };
}

function rules(value: JsonValue, resolved: boolean): Problem[] {
  return resolved
    ? resolvedProblems(value as unknown as ResolvedContract)
    : contractProblems(value as unknown as Contract);
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
