import { CommandError } from "./exit.ts";

/** Which `--in` of `map` is the one whose files are mapped: the one with a wildcard, else the only one. */
export function pickItems(texts: readonly string[]): {
  readonly items: string;
  /** The others; absent without any. */
  readonly inputs: readonly string[] | undefined;
} {
  const patterns = texts.filter((text) => /[*?]/.test(text));
  const [items = texts[0], ...more] = patterns;
  if (items === undefined || more.length > 0 || (patterns.length === 0 && texts.length > 1)) {
    const problem = texts.length === 0 ? "--in is missing: which files" : "which --in is mapped?";
    throw new CommandError(
      "CTXPACK_E_USAGE",
      problem,
      "write --in 'docs/**/*.pdf'; the one with a wildcard is mapped, file by file",
    );
  }
  const inputs = texts.filter((text) => text !== items);
  return { items, inputs: inputs.length > 0 ? inputs : undefined };
}
