import { CtxPackError, type CtxPackErrorCode, type CtxPackErrorOptions } from "../errors.ts";

/** A place in a contract: what an error about it begins with. */
export interface Place {
  readonly file: string;
  /** Both from 1; columns count UTF-16 code units, as editors do. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** JSON pointer; `""` is the whole contract. */
  readonly pointer?: string | undefined;
}

/** The line and column, from 1, of an offset in a text. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = text.indexOf("\n", start);
    if (end === -1 || end >= offset) return { line, column: offset - start + 1 };
    line++;
    start = end + 1;
  }
}

/** An error whose message begins with its place: `file:line:column: /json/pointer: message`. */
export function errorAt(
  code: CtxPackErrorCode,
  place: Place,
  message: string,
  options: CtxPackErrorOptions = {},
): CtxPackError {
  const where =
    place.line === undefined ? place.file : `${place.file}:${place.line}:${place.column}`;
  const pointer = place.pointer ? `${place.pointer}: ` : "";
  const { file, line, column } = place;
  return new CtxPackError(code, visible(`${where}: ${pointer}${message}`), {
    ...options,
    hint: options.hint === undefined ? undefined : visible(options.hint),
    details: { ...options.details, file, line, column, pointer: place.pointer },
  });
}

/** Keys and file names come from others: what a terminal would obey or hide is shown as an escape. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
  return text.replaceAll(unsafe, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
