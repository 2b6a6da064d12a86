import { CtxPackError, type JsonValue, visible } from "@ctxpack/identity";
import { schemaProblems, type Validator } from "@ctxpack/identity/schema";
import { JsonSyntaxError, parseJson } from "../source/json.ts";

/**
 * A JSON file of a fork, with the numbers as they are written there.
 *
 * @param where names the file, or the file and line.
 * @throws CtxPackError `CTXPACK_E_TRACE` for what is no JSON, a key that is there twice, a lone surrogate.
 */
export function parseForkJson(text: string, where: string): JsonValue {
  try {
    const { value, duplicates, surrogates } = parseJson(text);
    const [key] = duplicates;
    if (key !== undefined) throw broken(where, `${JSON.stringify(key)} is there twice`);
    if (surrogates > 0) throw broken(where, "a lone surrogate");
    return value;
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause;
    const before = text.slice(0, cause.offset).split("\n");
    const place = before.length > 1 ? `${where}:${before.length}` : where;
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw broken(place, `column ${column}: ${cause.message}`, cause);
  }
}

/**
 * Holds what a JSON file of a fork says against the rules.
 *
 * @throws CtxPackError `CTXPACK_E_TRACE`, naming the JSON pointer.
 */
export function followForm<T>(validate: Validator, value: JsonValue, where: string): T {
  if (validate(value)) return value as T;
  const [problem] = schemaProblems(validate, value, () => undefined);
  throw broken(
    where,
    `${problem?.pointer ?? ""}: ${problem?.message ?? "not of the expected form"}`,
  );
}

/** What is wrong with a fork. */
export function broken(where: string, what: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_TRACE", visible(`${where}: ${what}`), {
    cause,
    hint: "the form of a fork is in docs/trace.md and schemas/fork.v1.json",
    details: { where },
  });
}
