import type { CtxPackErrorCode } from "../errors.ts";
import { errorAt, positionAt } from "./place.ts";

/** A contract's text may be four times its canonical bytes: comments and indentation are welcome, novels are not. */
export const MAX_TEXT: number = 4 * 1024 * 1024;

/** How long a text may be, and the code of errors about it. */
export interface TextRules {
  readonly code: CtxPackErrorCode;
  /** Of the text in UTF-8. */
  readonly maxBytes: number;
}

const CONTRACT_RULES: TextRules = { code: "CTXPACK_E_CONTRACT", maxBytes: MAX_TEXT };

/**
 * The text of a file, by default a contract: UTF-8 without a byte order mark, at most `maxBytes`.
 *
 * @throws CtxPackError `rules.code`, with the place of the first bad byte.
 */
export function decodeText(
  source: string | Uint8Array,
  file: string,
  rules: TextRules = CONTRACT_RULES,
): string {
  const { code } = rules;
  if (source.length > rules.maxBytes) throw tooLarge(file, rules);
  const text = typeof source === "string" ? source : decodeBytes(source, file, code);
  if (text.startsWith("\uFEFF")) {
    const place = { file, line: 1, column: 1 };
    throw errorAt(code, place, "begins with a byte order mark", {
      hint: "save the file as UTF-8 without BOM",
    });
  }
  const lone = text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (lone !== -1) {
    const place = { file, ...positionAt(text, lone) };
    throw errorAt(code, place, "a lone surrogate");
  }
  return text;
}

/** The error for a file that is too long to be what it should be, by default a contract. */
export function tooLarge(file: string, rules: TextRules = CONTRACT_RULES): Error {
  const limit = `${rules.maxBytes / 1024 / 1024} MiB`;
  if (rules.code !== "CTXPACK_E_CONTRACT") {
    return errorAt(rules.code, { file }, `longer than ${limit}, the most that is read`);
  }
  return errorAt(rules.code, { file }, `longer than ${limit}, the limit for a contract`, {
    hint: "make large values a file and name it as an input",
  });
}

function decodeBytes(bytes: Uint8Array, file: string, code: CtxPackErrorCode): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const again = new TextEncoder().encode(text);
  // The decoder puts U+FFFD for what is not UTF-8, so the first difference is the first bad byte.
  if (again.length === bytes.length && again.every((byte, index) => byte === bytes[index])) {
    return text;
  }
  let bad = 0;
  while (bad < bytes.length && again[bad] === bytes[bad]) bad++;
  const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, bad));
  const place = { file, ...positionAt(before, before.length) };
  throw errorAt(code, place, "not UTF-8", { hint: "save the file as UTF-8" });
}
