import type { OutputDifference } from "../difference.ts";

/** Paths that a sentence names. */
const SHOWN = 3;

/** `a.json (changed: /items/3, byte 1043), b (added), 4 more`; `count` is how many there are. */
export function describeDifferences(paths: readonly OutputDifference[], count: number): string {
  const shown = paths.slice(0, SHOWN).map((one) => `${one.path} (${describe(one)})`);
  if (count > shown.length && shown.length > 0) shown.push(`${count - shown.length} more`);
  return shown.join(", ");
}

function describe({ kind, byte, pointer }: OutputDifference): string {
  const where = [
    ...(pointer === undefined ? [] : [pointer === "" ? "the whole value" : pointer]),
    ...(byte === undefined ? [] : [`byte ${byte}`]),
  ];
  return where.length === 0 ? kind : `${kind}: ${where.join(", ")}`;
}
