// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text for a terminal. Messages name files, packs and runs, whose names come from anywhere: what a terminal would obey,
 * or what would hide or turn round text, is an escape. Line breaks and tabs stay.
 */
export function harmless(text: string): string {
  return text.replaceAll(OBEYED, escaped);
}

/** JSON, of the same value, that a terminal shows as it is. Bigints, which details of errors may hold, are strings. */
export function jsonText(value: unknown): string {
  // Outside of strings JSON has none of them, and inside there is no way to tell an escape from what it stands for.
  return JSON.stringify(value, writable).replaceAll(OBEYED, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Sizes and times of files are bigints. */
function writable(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
