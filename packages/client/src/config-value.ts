import { CtxPackError } from "@ctxpack/identity";

/** Throws CTXPACK_E_CONFIG for a key that is none of `known`. */
export function checkKeys(
  table: Record<string, unknown>,
  known: readonly string[],
  file: string,
  at = "",
): void {
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue;
    throw invalid(`${file}: ${at}/${key} is no setting`, `there are: ${known.join(", ")}`);
  }
}

export function objectOf(value: unknown, file: string, at: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw invalid(`${file}: ${at} must be an object`);
}

export function stringOf(value: unknown, file: string, at: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${file}: ${at} must be a string that is not empty`);
}

export function stringsOf(value: unknown, file: string, at: string): readonly string[] {
  if (!Array.isArray(value)) throw invalid(`${file}: ${at} must be an array of strings`);
  return value.map((entry, i) => stringOf(entry, file, `${at}/${i}`));
}

export function booleanOf(value: unknown, file: string, at: string): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(`${file}: ${at} must be true or false`);
}

export function choiceOf<const T extends string>(
  value: unknown,
  choices: readonly T[],
  file: string,
  at: string,
): T {
  if (choices.includes(value as T)) return value as T;
  throw invalid(`${file}: ${at} must be one of ${choices.map((c) => `"${c}"`).join(", ")}`);
}

export function invalid(message: string, hint?: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", message, { hint });
}
