import { type JsonValue, MAX_NESTING } from "../canonical.ts";
import type { CtxPackError } from "../errors.ts";
import { type Problem, schemaProblems, type Validator } from "../schema/problem.ts";
import { readJson } from "./json.ts";
import { literalAt, problemError } from "./problem-place.ts";
import { decodeText, type TextRules } from "./text.ts";
import { jsonValueOf } from "./value.ts";

/** A JSON file that follows its schema, and where its parts stand. */
export interface ParsedDocument {
  readonly value: JsonValue;
  /** The error for what is wrong beyond the schema: the first of them in the text, with its place. */
  error(problems: readonly [Problem, ...Problem[]]): CtxPackError;
}

/** What a JSON file has to be. */
export interface DocumentRules extends TextRules {
  /** What errors call it. */
  readonly file: string;
  readonly validate: Validator;
}

/**
 * Reads a JSON file that people write: strictly (no duplicate keys, no lone surrogates, numbers that a double holds
 * as they are written, at most 64 levels), and held against a schema.
 *
 * @throws CtxPackError `rules.code`: `file:line:column: /json/pointer: what is wrong`, for the first thing that is.
 */
export function parseDocument(source: string | Uint8Array, rules: DocumentRules): ParsedDocument {
  const { file, code, validate } = rules;
  const text = decodeText(source, file, rules);
  const root = readJson({ text, file, code, maxNesting: MAX_NESTING });
  const value = jsonValueOf({ text, file, root, code, canonicalIntegers: false });
  const error = (problems: readonly [Problem, ...Problem[]]): CtxPackError =>
    problemError(problems, { root, text, file, code });
  const [first, ...others] = schemaProblems(validate, value, (pointer) => literalAt(root, pointer));
  if (first !== undefined) throw error([first, ...others]);
  return { value, error };
}
