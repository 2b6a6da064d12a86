import type { JsonValue } from "@ctxpack/identity";
import { numberLiteral, sourceText, unescapeKey } from "../run/number.ts";

/** JSON text of a value of a run for a person to edit: numbers as the log wrote them, two spaces a level. */
export function prettyText(value: JsonValue, indent = ""): string {
  if (typeof value !== "object" || value === null || numberLiteral(value) !== undefined) {
    return sourceText(value);
  }
  const deeper = `${indent}  `;
  const members = Array.isArray(value)
    ? value.map((member: JsonValue) => prettyText(member, deeper))
    : Object.entries(value as { readonly [key: string]: JsonValue }).map(
        ([key, member]) => `${JSON.stringify(unescapeKey(key))}: ${prettyText(member, deeper)}`,
      );
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (members.length === 0) return open + close;
  return `${open}\n${members.map((member) => deeper + member).join(",\n")}\n${indent}${close}`;
}
