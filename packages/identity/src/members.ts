import { canonicalize, type JsonValue } from "./canonical.ts";
import type { ResolvedContract } from "./contract.ts";
import { pointerOf } from "./pointer.ts";

/**
 * Every member of a contract that has no members itself, by the pointer that `diffContracts` gives it, as canonical
 * JSON. `schema`, which all of them share, is not among them.
 */
export function contractMembers(contract: ResolvedContract): Map<string, string> {
  const { schema: _, inputs, ...rest } = contract;
  const byName = inputs.map(({ name, ...said }) => [name, said] as const);
  const members = new Map<string, string>();
  collect({ ...rest } as unknown as JsonValue, [], members);
  for (const [name, said] of byName) {
    collect(said as unknown as JsonValue, ["inputs", name], members);
  }
  return members;
}

/** In how many members two contracts differ: those that only one of them has, and those with another value. */
export function countDifferingMembers(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): number {
  let same = 0;
  let common = 0;
  for (const [pointer, value] of a) {
    const other = b.get(pointer);
    if (other === undefined) continue;
    common += 1;
    if (other === value) same += 1;
  }
  return a.size + b.size - common - same;
}

function collect(
  value: JsonValue,
  path: readonly (string | number)[],
  into: Map<string, string>,
): void {
  if (typeof value === "object" && value !== null) {
    const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, member] of inner) collect(member as JsonValue, [...path, key], into);
    if (inner.length > 0) return;
  }
  if (path.length > 0) into.set(pointerOf(path), canonicalize(value));
}
