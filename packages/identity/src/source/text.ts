import { errorAt, positionAt } from "./place.ts";

/** A contract's text may be four times its canonical bytes: comments and indentation are welcome, novels are not. */
export const MAX_TEXT: number = 4 * 1024 * 1024;

/**
 * The text of a contract file: UTF-8 without a byte order mark, at most {@link MAX_TEXT} bytes.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT`, with the place of the first bad byte.
 */
export function decodeText(source: string | Uint8Array, file: string): string {
  if (source.length > MAX_TEXT) throw tooLarge(file);
  const text = typeof source === "string" ? source : decodeBytes(source, file);
  if (text.startsWith("\uFEFF")) {
    throw errorAt(
      "CTXPACK_E_CONTRACT",
      { file, line: 1, column: 1 },
      "begins with a byte order mark",
      {
        hint: "save the file as UTF-8 without BOM",
      },
    );
  }
  const lone = text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (lone !== -1) {
    const place = { file, ...positionAt(text, lone) };
    throw errorAt("CTXPACK_E_CONTRACT", place, "a lone surrogate");
  }
  return text;
}

/** The error for a contract file that is too long to be one. */
export function tooLarge(file: string): Error {
  const limit = `${MAX_TEXT / 1024 / 1024} MiB`;
  return errorAt("CTXPACK_E_CONTRACT", { file }, `longer than ${limit}, the limit for a contract`, {
    hint: "make large values a file and name it as an input",
  });
}

function decodeBytes(bytes: Uint8Array, file: string): string {
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
  throw errorAt("CTXPACK_E_CONTRACT", place, "not UTF-8", { hint: "save the file as UTF-8" });
}
