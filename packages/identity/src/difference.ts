import { canonicalize, type JsonValue } from "./canonical.ts";
import type { ResolvedContract } from "./contract.ts";
import { pointerOf } from "./pointer.ts";

/** One member in which two contracts differ. */
export interface ContractDifference {
  /** JSON pointer, with the inputs keyed by name: `/inputs/raw_docs/digest`, `/transforms/0/params/dpi`. */
  readonly pointer: string;
  readonly kind: "added" | "removed" | "changed";
  /** Absent when added. */
  readonly before?: JsonValue;
  /** Absent when removed. */
  readonly after?: JsonValue;
}

/**
 * What changes from `a` to `b`, member by member, in the order of the canonical form. Empty exactly if both have one
 * URI. Inputs are matched by name; transforms and other lists by position.
 */
export function diffContracts(a: ResolvedContract, b: ResolvedContract): ContractDifference[] {
  const differences: ContractDifference[] = [];
  compare(byName(a), byName(b), [], differences);
  return differences;
}

function byName(contract: ResolvedContract): JsonValue {
  const inputs = Object.fromEntries(contract.inputs.map(({ name, ...rest }) => [name, rest]));
  return { ...contract, inputs } as unknown as JsonValue;
}

function compare(
  before: JsonValue,
  after: JsonValue,
  path: readonly (string | number)[],
  into: ContractDifference[],
): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    const count = Math.max(before.length, after.length);
    for (let index = 0; index < count; index++) {
      compareMember(before[index], after[index], [...path, index], into);
    }
  } else if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      compareMember(own(before, key), own(after, key), [...path, key], into);
    }
  } else if (canonicalize(before) !== canonicalize(after)) {
    into.push({ pointer: pointerOf(path), kind: "changed", before, after });
  }
}

function compareMember(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  path: readonly (string | number)[],
  into: ContractDifference[],
): void {
  const pointer = pointerOf(path);
  if (before === undefined && after !== undefined) into.push({ pointer, kind: "added", after });
  else if (after === undefined && before !== undefined) {
    into.push({ pointer, kind: "removed", before });
  } else if (before !== undefined && after !== undefined) compare(before, after, path, into);
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `__proto__` and `constructor` are keys like any other here. */
function own(value: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
