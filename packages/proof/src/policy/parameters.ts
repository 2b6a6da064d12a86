import { canonicalize, type JsonValue, pointerSteps } from "@ctxpack/identity";
import type { ProvenanceRules } from "./policy.ts";
import { knownParameters, type ProvenanceFacts } from "./provenance.ts";

/** What is unexpected about a build's external parameters, as the end of a sentence; `undefined` for nothing. */
export function parametersFault(
  rules: ProvenanceRules,
  provenance: ProvenanceFacts,
): string | undefined {
  const { externalParameters } = provenance;
  const compared = [...rules.equals.keys()].map((pointer) => pointerSteps(pointer)[0]);
  const allowed = new Set([...(rules.allow ?? knownParameters(provenance.buildType)), ...compared]);
  // What is set to nothing says nothing (SLSA: null, empty and unset are the same).
  const unknown = Object.keys(externalParameters)
    .filter((name) => !allowed.has(name) && !isEmpty(externalParameters[name]))
    .sort();
  if (unknown.length > 0) {
    return `the external parameter ${unknown.map(shown).join(", ")}, which the policy does not allow`;
  }
  for (const [pointer, expected] of rules.equals) {
    const found = valueAt(externalParameters, pointer);
    if (found === undefined)
      return `no external parameter ${pointer}; ${shown(expected)} is asked for`;
    if (canonicalize(found) !== canonicalize(expected)) {
      return `the external parameter ${pointer} ${shown(found)}; ${shown(expected)} is asked for`;
    }
  }
  return undefined;
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function valueAt(value: JsonValue, pointer: string): JsonValue | undefined {
  let at: JsonValue | undefined = value;
  for (const step of pointerSteps(pointer)) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as { readonly [key: string]: JsonValue })[step];
  }
  return at;
}

function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
