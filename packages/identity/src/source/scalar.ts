/** What a plain YAML scalar is in a contract: a JSON value as JSON writes it, a string, or doubtful. */
export type PlainScalar =
  | { readonly kind: "number"; readonly literal: string }
  | { readonly kind: "word"; readonly value: boolean | null }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "doubtful"; readonly reading: string };

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/**
 * What YAML 1.1 (yaml.org/type) or the 1.2 core schema read as something other than a string, beyond JSON's own
 * spellings. Fractions need a digit: 1.1's printed pattern also takes `.` and `1.2.3`, which no reader follows.
 */
const doubtful: readonly (readonly [RegExp, string])[] = [
  [/^(?:|~|null|Null|NULL)$/, "null"],
  [/^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/, "a boolean"],
  [/^(?:true|True|TRUE|false|False|FALSE)$/, "a boolean"],
  [/^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/, "a number"],
  [/^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$/, "a number"],
  [/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/, "a number in base 60"],
  [/^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/, "a number"],
  [/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?$/, "a date"],
  [/^<<$/, "a merge key"],
  [/^=$/, "a default value"],
];

/** Judges a plain (unquoted) YAML scalar by what is written. */
export function readPlain(text: string): PlainScalar {
  if (jsonNumber.test(text)) return { kind: "number", literal: text };
  if (text === "true" || text === "false") return { kind: "word", value: text === "true" };
  if (text === "null") return { kind: "word", value: null };
  const reading = doubtful.find(([pattern]) => pattern.test(text))?.[1];
  return reading === undefined ? { kind: "text", value: text } : { kind: "doubtful", reading };
}
